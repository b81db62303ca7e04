# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lab of real QEMU processes, and a real kernel to boot there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.local_bridge.bench import Bench
from kci_fakes.lab.images import Images, make_images
from kci_local_bridge.settings import Settings
from kci_shared.work.workspace import Workspace

IMAGES = Path(__file__).parents[3] / "var" / "cache"


@pytest.fixture(scope="session")
def images() -> Images:
    """Make a kernel and a ramdisk."""
    return make_images(IMAGES)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings for a machine that is busy with other tests, too."""
    return Settings(
        api_url="http://a",
        token="t",
        storage_url="http://s",
        cache=tmp_path,
        login_timeout=240,
    )


@pytest.fixture
def bench(settings: Settings, images: Images) -> Iterator[Bench]:
    with Workspace.open(settings.runs) as workspace:
        bench = Bench(settings, images, workspace)
        yield bench
        bench.close()
