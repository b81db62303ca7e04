# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that clients publish on channels of their own."""
