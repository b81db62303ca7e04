# SPDX-License-Identifier: LGPL-2.1-or-later
"""A site to run bridges in: its API, its storage and its lab are in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stamina
from shared_fakes import FakeRemoteLab, Site

from kci_shared.work import bridge, cancels, presence


@pytest.fixture
def remote(site: Site) -> FakeRemoteLab:
    """Make the site's lab a remote one."""
    site.lab = FakeRemoteLab()
    return site.lab


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """Run bridges that do not pause, and whose reports are retried without end."""
    monkeypatch.setattr(bridge, "PAUSE_S", 0.01)
    monkeypatch.setattr(bridge, "BUSY_WAIT_S", 0.01)
    monkeypatch.setattr(cancels, "PERIOD_S", 0.02)
    for pause in ("MIN_PERIOD_S", "RETRY_S"):
        monkeypatch.setattr(presence, pause, 0.01)
    stamina.set_testing(True, attempts=10_000, cap=True)
    site = Site(tmp_path)
    yield site
    await site.end()
    stamina.set_testing(False)
