# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import signal
import subprocess
from pathlib import Path

import pytest

from kci_labgrid_bridge.lab_file import Device, Lab
from kci_labgrid_bridge.run import MARK, environment, job_environment, kill_leftovers
from kci_shared.models import NODE as ANY_NODE
from kci_shared.work import LabJob

LAB = Lab(
    coordinator="127.0.0.1:20408",
    variables={"LG_NETBOOT": "/srv/tftp", "LG_PLACE": "not this one"},
    devices={"board": Device(tags={"device": "board"}, env=Path(__file__))},
)
NODE = ANY_NODE.validate_python(
    {"id": "65f0", "kind": "job", "name": "boot", "owner": "scheduler"}
    | dict.fromkeys(["created", "updated"], "2026-11-22T12:00:00+00:00")
)


def test_a_runner_is_told_no_secret_of_the_bridge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KCI_TOKEN", "secret")
    monkeypatch.setenv("LG_PROXY", "ssh.example.org")
    variables = environment(LAB, "lab-test/65f0", "board-1")
    assert "secret" not in str(variables)
    assert variables["LG_PROXY"] == "ssh.example.org"


def test_a_runner_has_the_name_that_holds_its_place() -> None:
    variables = environment(LAB, "lab-test/65f0", "board-1")
    assert variables["LG_HOSTNAME"] == "lab-test"
    assert variables["LG_USERNAME"] == "65f0"


def test_a_labs_variables_do_not_hide_the_jobs() -> None:
    variables = environment(LAB, "lab-test/65f0", "board-1")
    assert variables["LG_NETBOOT"] == "/srv/tftp"
    assert variables["LG_PLACE"] == "board-1"


def test_a_runner_finds_its_images_wherever_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kernel").touch()
    job = LabJob(NODE, 1, tmp_path, images={"kernel": Path("kernel")})
    variables = job_environment(job, "shell")
    assert variables["LG_KERNEL"] == str(tmp_path / "kernel")
    assert Path(variables["LG_RAMDISK"]).read_bytes() == b""


def test_only_processes_of_dead_bridges_are_killed(tmp_path: Path) -> None:
    lives = {"dead": tmp_path / "life-1", "alive": tmp_path / "life-11"}
    processes = {
        name: subprocess.Popen(
            ["sleep", "60"], env={**os.environ, MARK: f"{life}/65f0-x"}
        )
        for name, life in lives.items()
    }
    try:
        kill_leftovers([lives["dead"]])
        assert processes["dead"].wait(10) == -signal.SIGKILL
        assert processes["alive"].poll() is None
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
