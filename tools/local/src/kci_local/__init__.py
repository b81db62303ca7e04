# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole system on one machine without Docker."""
