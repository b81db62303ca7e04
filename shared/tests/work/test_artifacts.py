# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from shared_fakes import Site

from kci_shared.errors import StorageError, StorageRefused
from kci_shared.work import CannotRun
from kci_shared.work import artifacts as module
from kci_shared.work.artifacts import Artifacts


@pytest.fixture(autouse=True)
def _no_pauses(site: Site) -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


async def test_jobs_that_come_together_fetch_one_after_the_other(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = most = 0
    good = site.storage.fetch

    async def fetch(url: str, folder: Path) -> Path:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        found: Path = await good(url, folder)
        at_once -= 1
        return found

    monkeypatch.setattr(site.storage, "fetch", fetch)
    artifacts = Artifacts(site.storage, tmp_path)
    await asyncio.gather(*(artifacts.fetch({"kernel": "u"}) for _ in range(5)))
    assert most == 1


async def test_a_storage_that_stumbles_fails_no_job(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, calls = site.storage.fetch, 0

    async def fetch(url: str, folder: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise StorageError("502")
        found: Path = await good(url, folder)
        return found

    monkeypatch.setattr(site.storage, "fetch", fetch)
    files = await Artifacts(site.storage, tmp_path).fetch({"kernel": "u"})
    assert files["kernel"].read_text() == "u"


async def test_an_artifact_that_is_not_there_names_itself(
    site: Site, tmp_path: Path
) -> None:
    with pytest.raises(CannotRun, match="artifact: ramdisk: reading missing: 404"):
        await Artifacts(site.storage, tmp_path).fetch({"ramdisk": "missing"})


async def test_a_log_that_cannot_be_stored_does_not_hold_up_the_verdict(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put_file(path: Path) -> str:
        if path.name == "bad":
            raise StorageError("507")
        return f"http://s/{path.name}"

    monkeypatch.setattr(module, "STORE_S", 0.01)
    monkeypatch.setattr(site.storage, "put_file", put_file)
    files = {"log": tmp_path / "good", "trace": tmp_path / "bad"}
    urls = await Artifacts(site.storage, tmp_path).store(files)
    assert urls == {"log": "http://s/good"}


async def test_a_log_that_is_refused_for_good_is_offered_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = 0

    async def put_file(_: Path) -> str:
        nonlocal offers
        offers += 1
        raise StorageRefused("413")

    monkeypatch.setattr(site.storage, "put_file", put_file)
    assert await Artifacts(site.storage, tmp_path).store({"log": tmp_path}) == {}
    assert offers == 1


async def test_what_nobody_asks_for_is_forgotten(site: Site, tmp_path: Path) -> None:
    artifacts = Artifacts(site.storage, tmp_path)
    files = await artifacts.fetch({"kernel": "old", "ramdisk": "new"})
    os.utime(files["kernel"], (0, 0))
    await artifacts.fetch({"ramdisk": "new"})
    assert not files["kernel"].exists()
    assert files["ramdisk"].exists()
