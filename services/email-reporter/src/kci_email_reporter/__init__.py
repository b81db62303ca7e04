# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mails regressions and first results to kernel developers."""
