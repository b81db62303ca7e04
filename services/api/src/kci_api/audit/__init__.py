# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit trail: who changed users, groups, tokens and invitations."""
