# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the API costs, beside what its parts cost alone: `make bench`."""
