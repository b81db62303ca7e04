# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runtimes, the labs and clusters that run jobs: platforms, health, job counts."""
