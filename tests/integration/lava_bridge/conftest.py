# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA that runs for all tests, and an API with a storage."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from integration.conftest import Serving
from integration.lava_bridge.world import Lava, World
from kci_local.site import Site
from kci_shared.client import ApiClient

PROJECT = Path(__file__).parents[3]
LAB = [sys.executable, "-m", "labs.lava.lab"]


@pytest.fixture(scope="session")
def lava() -> Iterator[Lava]:
    """Run a LAVA on this machine."""
    if os.environ.get("KCI_TEST_LAVA") != "1":
        pytest.skip("a real LAVA takes some minutes: `make lava-lab`")
    if os.geteuid():
        pytest.skip("a real LAVA needs root: its parts run as users of their own")
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "tests")}
    done = subprocess.run(
        [*LAB, "install"], check=False, capture_output=True, timeout=1800, env=env
    )
    if done.returncode:
        error = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        pytest.skip(f"LAVA's packages cannot be installed here: {error}")
    up = subprocess.run([*LAB, "up"], check=True, capture_output=True, env=env)
    yield json.loads(up.stdout)
    subprocess.run([*LAB, "down"], check=True, env=env)


@pytest.fixture(scope="session")
def site(
    lava: Lava, tmp_path_factory: pytest.TempPathFactory, serving: Serving
) -> Iterator[Site]:
    """Run an API with a storage."""
    state = tmp_path_factory.mktemp("state")
    with serving(Site.open(state, PROJECT / "config", PROJECT / "var/cache")) as site:
        yield site


@pytest.fixture
async def world(site: Site, lava: Lava) -> AsyncIterator[World]:
    """Return a world whose bridge is not started yet."""
    token = site.secrets.path("admin.token").read_text()
    async with httpx.AsyncClient(
        base_url=site.url("api"),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    ) as http:
        world = World(site, lava, ApiClient(http))
        await world.connection.open()
        yield world
        await world.stop()
        await world.connection.cut()
        await world.http.aclose()
