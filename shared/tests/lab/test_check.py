# SPDX-License-Identifier: LGPL-2.1-or-later
import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from shared_fakes import FakeLab, FakeRemoteLab, Site

from kci_shared.errors import ConfigError
from kci_shared.lab import LabError, read_definition, trial
from kci_shared.lab.check import OpenLab, checker, probe_all
from kci_shared.lab.trial import try_job
from kci_shared.models import ErrorCode, Result
from kci_shared.work import BridgeSettings, Dialect, LabJob, RunOutcome
from kci_shared.work.probes import Grade, Probe, bad, good, judge_token, show

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = "2027-11-01T00:00:00.000+00:00"


def settings(folder: Path, **values: Any) -> BridgeSettings:
    nowhere = "http://127.0.0.1:1"
    return BridgeSettings(
        api_url=nowhere,
        storage_url=nowhere,
        runtime="lab-x",
        cache=folder,
        **values,
    )


def lab(slots: dict[str, int] | Exception) -> OpenLab[BridgeSettings]:
    class Lab(FakeLab):
        async def slots(self) -> dict[str, int]:
            if isinstance(slots, Exception):
                raise slots
            return slots

    @asynccontextmanager
    async def open_lab(_: BridgeSettings) -> AsyncIterator[Lab]:
        yield Lab()

    return open_lab


def grades(probes: list[Probe]) -> dict[str, str]:
    return {probe.what: str(probe.grade) for probe in probes}


@pytest.mark.parametrize(
    ("scopes", "expires", "grade"),
    [
        (["runtime:lab-x"], LATER, Grade.GOOD),
        (["runtime:lab-x"], "2026-11-05T00:00:00.000+00:00", Grade.ODD),
        (["nodes:write"], LATER, Grade.ODD),
        (["runtime:lab-y"], LATER, Grade.BAD),
        (["node:65f0"], LATER, Grade.BAD),
        ([], LATER, Grade.BAD),
        (None, LATER, Grade.ODD),
    ],
)
def test_a_token_is_judged_by_its_scopes_and_its_end(
    scopes: list[str] | None, expires: str, grade: Grade
) -> None:
    said = {"username": "me", "scopes": scopes, "expires": expires}
    found = judge_token(said, "lab-x", NOW)
    assert found.grade is grade
    assert ("kci-api token create lab-x" in found.advice) is (grade is not Grade.GOOD)


async def test_each_thing_that_is_wrong_is_told_beside_those_that_work(
    tmp_path: Path,
) -> None:
    told = settings(tmp_path, token="abc")
    probes = await probe_all(told, lab({"board": 2, "other": 0}))
    assert grades(probes) == {
        "API": "wrong",
        "storage": "wrong",
        "cache": "ok",
        "board": "ok",
        "other": "look",
    }
    assert all(probe.advice for probe in probes if probe.is_bad)


@pytest.mark.parametrize("content", ["", "two words", "bell\xff", None])
async def test_without_a_token_only_the_lab_is_tried(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, encoding="latin-1")
    probes = await probe_all(settings(tmp_path, token_file=file), lab({"board": 1}))
    assert grades(probes) == {"token": "wrong", "cache": "ok", "board": "ok"}


async def test_a_lab_that_is_away_is_told_and_ends_the_check_badly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = lab(LabError("http://me:secret@lab [red]is away[/]"))
    status = await checker(away)(settings(tmp_path, token_file=tmp_path / "none"), [])
    said = capsys.readouterr().out
    assert status == 1
    assert "http://lab [red]is away[/]" in said
    assert "secret" not in said
    assert "\x1b" not in said, "colours are for terminals"


async def test_a_mistake_in_the_labs_file_is_told(tmp_path: Path) -> None:
    @asynccontextmanager
    async def unreadable(_: BridgeSettings) -> AsyncIterator[Dialect]:
        raise ConfigError("lab.yaml:3: the file has no 'devices'; add it")
        yield

    probes = await probe_all(settings(tmp_path, token="abc"), unreadable)
    assert grades(probes)["lab's file"] == "wrong"


def test_a_terminal_gets_colours_and_the_advice() -> None:
    out = io.StringIO()
    probes = [good("API", "answers"), bad("board", "no power", "plug it in")]
    show(probes, Console(file=out, force_terminal=True, color_system="standard"))
    assert "\x1b[" in out.getvalue()
    assert "- board: plug it in" in out.getvalue()


@pytest.mark.parametrize(
    ("outcome", "grade", "said"),
    [
        (RunOutcome(Result.PASS, device="b-1"), "ok", "booted and answered on b-1"),
        (
            RunOutcome(Result.FAIL, ErrorCode.TEST, "Kernel panic"),
            "wrong",
            "Test: Kernel panic on board",
        ),
        (
            RunOutcome(Result.INCOMPLETE, ErrorCode.INFRASTRUCTURE, "no power"),
            "wrong",
            "Infrastructure: no power on board",
        ),
    ],
)
async def test_a_job_is_tried_and_judged(
    site: Site,
    remote: FakeRemoteLab,
    tmp_path: Path,
    outcome: RunOutcome,
    grade: str,
    said: str,
) -> None:
    site.lab.behave = lambda _: outcome
    told = settings(tmp_path, token="abc")
    trying = asyncio.create_task(try_job(told, site.lab, ["http://s/k", "http://s/r"]))
    await site.until(lambda: site.lab.running)
    [job] = site.lab.jobs
    assert read_definition(job).artifacts == {
        "kernel": "http://s/k",
        "ramdisk": "http://s/r",
    }
    assert job.platform == "board"
    site.lab.end(f"run-{job.id}")
    [probe] = await trying
    assert (str(probe.grade), probe.message.startswith(said)) == (grade, True)


async def test_a_job_that_is_interrupted_or_late_is_taken_out_of_the_lab(
    site: Site, remote: FakeRemoteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LIMIT_S", 0.05)
    told = settings(tmp_path, token="abc")
    with pytest.raises(LabError, match="has not ended"):
        await try_job(told, site.lab, ["http://s/k"])
    assert len(site.lab.cancelled) == 1


async def test_a_job_waits_for_no_device(site: Site, tmp_path: Path) -> None:
    site.lab.size = 0
    [probe] = await try_job(settings(tmp_path, token="abc"), site.lab, ["http://s/k"])
    assert (probe.is_bad, site.lab.jobs) == (True, [])


async def test_a_job_that_gets_no_device_in_time_is_the_labs_fault(
    remote: FakeRemoteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(_: LabJob) -> str:
        await asyncio.Event().wait()
        return "never"

    monkeypatch.setattr(trial, "QUEUE_S", 0.01)
    monkeypatch.setattr(remote, "submit", silence)
    with pytest.raises(LabError, match="no device was free within"):
        await try_job(settings(tmp_path, token="abc"), remote, ["http://s/k"])
