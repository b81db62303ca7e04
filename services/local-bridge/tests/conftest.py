# SPDX-License-Identifier: LGPL-2.1-or-later
"""A local bridge that is in a hurry."""

import pytest
from local_bridge_fakes import Sessions

from kci_local_bridge.settings import Settings


@pytest.fixture
def settings() -> Settings:
    """Return settings with short time limits."""
    return Settings(
        api_url="http://a",
        token="t",
        storage_url="http://s",
        banner_timeout=0.05,
        login_timeout=0.05,
    )


@pytest.fixture
def sessions(settings: Settings) -> Sessions:
    """Return sessions on machines in memory."""
    return Sessions(settings)
