# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of all property tests: no deadlines, as the machine may be busy."""

from hypothesis import settings

settings.register_profile("kci", deadline=None)
settings.load_profile("kci")
