# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all labs that boot kernels share: consoles, lab files, probes, trial jobs."""
