# SPDX-License-Identifier: LGPL-2.1-or-later
"""Artifact storage: files by their sha256, over HTTP."""
