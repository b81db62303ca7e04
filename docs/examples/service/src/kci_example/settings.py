# SPDX-License-Identifier: LGPL-2.1-or-later
"""The settings of this service."""

from kci_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Those that every service has: API, token, Redis, health, log."""
