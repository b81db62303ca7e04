# SPDX-License-Identifier: LGPL-2.1-or-later
"""Labs and clusters that run jobs: what they have, and how they do."""
