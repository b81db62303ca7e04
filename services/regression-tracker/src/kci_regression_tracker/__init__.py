# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records what passed in an earlier revision and fails now."""
