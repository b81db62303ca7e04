# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stand-ins for what is outside: the API, KCIDB, a mail relay, a lab, git trees."""
