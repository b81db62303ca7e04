# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of the node tree that several services share; pure, no I/O."""
