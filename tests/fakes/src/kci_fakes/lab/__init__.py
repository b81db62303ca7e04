# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab of QEMU boards: their images, their power relay, what exports them."""
