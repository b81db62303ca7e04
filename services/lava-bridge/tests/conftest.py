# SPDX-License-Identifier: LGPL-2.1-or-later
"""A LAVA in memory, and bridges to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import stamina
from lava_bridge_fakes import FakeLava, Labs

from kci_lava_bridge import callbacks, dialect, watch
from kci_lava_bridge.lava import Lava
from kci_lava_bridge.refusals import judge
from kci_shared.channels import About, ChannelClient


@pytest.fixture
def fake() -> FakeLava:
    """A LAVA server."""
    return FakeLava()


@pytest.fixture
async def lava(fake: FakeLava) -> AsyncIterator[Lava]:
    """A client of the server."""
    stamina.set_testing(True, attempts=100)
    transport = httpx.MockTransport(fake.answer)
    url = "http://lava/api/v0.2/"
    about = About("lava", url="`url`", credentials="token_file")
    http = ChannelClient(
        about,
        ("GET", "system/whoami/"),
        judge=judge,
        transport=transport,
        base_url=url,
    )
    async with http:
        yield Lava(http)
    stamina.set_testing(False)


@pytest.fixture
async def labs(
    lava: Lava, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Labs]:
    """Bridges that do not pause, and wait for LAVA as long as it takes."""
    monkeypatch.setattr(watch, "QUICK_S", 0.005)
    monkeypatch.setattr(dialect, "PAUSE_S", 0.005)
    monkeypatch.setattr(callbacks, "SUBMISSION_S", 60.0)
    async with AsyncExitStack() as alive:
        yield Labs(lava, tmp_path, alive)
