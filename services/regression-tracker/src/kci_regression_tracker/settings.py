# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the regression tracker is told from outside."""

from kci_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """What the regression tracker is told from outside."""
