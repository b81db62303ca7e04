# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel that is built here: from a push to a git repository to a report."""
