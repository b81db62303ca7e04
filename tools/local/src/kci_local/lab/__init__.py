# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab on one machine: images to boot, a board of QEMU, labgrid around it."""
