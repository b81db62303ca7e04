# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups, whose members may edit certain nodes."""
