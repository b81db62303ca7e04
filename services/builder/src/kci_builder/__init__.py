# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds kernels on this machine."""
