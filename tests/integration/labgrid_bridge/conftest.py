# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real labgrid that runs for all tests."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.labgrid_bridge.bench import IMAGES, Bench, start_lab, stop_lab
from kci_fakes.lab.images import Images, make_images
from kci_local.site import Site
from kci_shared.work.workspace import Workspace


@pytest.fixture(scope="session")
def images() -> Images:
    """Make a kernel and a ramdisk for all boards."""
    return make_images(IMAGES)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a coordinator, an exporter and two boards."""
    site = Site.open(tmp_path_factory.mktemp("lab"), Path("unused"), IMAGES)
    try:
        asyncio.run(start_lab(site))
        yield site
    finally:
        asyncio.run(stop_lab(site))


@pytest.fixture
def bench(site: Site, images: Images, tmp_path: Path) -> Iterator[Bench]:
    for fault in ("power-fails", "power-stays", "console-hang"):
        (site.board("board-1") / fault).unlink(missing_ok=True)
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(tmp_path))
        yield Bench(site, images, tmp_path, stack, workspace)
