# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the regression tracker."""

from kci_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings that all services next to the API have."""
