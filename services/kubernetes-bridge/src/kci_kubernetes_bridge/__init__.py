# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs jobs in containers of a Kubernetes cluster."""
