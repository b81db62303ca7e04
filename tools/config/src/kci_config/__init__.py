# SPDX-License-Identifier: LGPL-2.1-or-later
"""``kci-config``: look at a configuration before it goes live."""
