# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real labgrid on loopback: what to start, and a place for each of its boards."""

import asyncio
import json
import sys
import time
from pathlib import Path

from kci_local.processes import Process
from kci_local.site import Site

BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]
BOARDS = ["board-1", "board-2"]
PLATFORM = "netboot-x86_64"
TAGS = ["kci=1", f"device={PLATFORM}", "arch=x86_64"]
COMPLETE = [*TAGS, "resource 'NetworkPowerPort'", "resource 'NetworkSerialPort'"]
"""What labgrid shows of a place when nothing is missing."""
PATIENCE = 60.0
"""How long the exporter may take to show its boards, in seconds."""


class NoLab(Exception):
    """The lab does not come up; the message holds what labgrid says."""


def lab_parts(site: Site) -> list[Process]:
    """Say how to run the boards, the coordinator and the exporter, in that order."""
    coordinator = site.address("coordinator")
    relay = site.ports["relay"]
    lines = {name: site.ports[f"{name} serial"] for name in BOARDS}
    boards = [f"{line}:{site.board(name)}" for name, line in lines.items()]
    resources = write_exporter_file(site.state, relay, lines)
    own = site.folder("coordinator")  # it keeps its places in its current folder
    change = ["env", f"--chdir={own}"]
    return [
        Process(
            "boards",
            [*PYTHON, "kci_local.lab.board", "--power", str(relay), *boards],
            port=relay,
        ),
        Process(
            "coordinator",
            [*change, str(BIN / "labgrid-coordinator"), "-l", coordinator],
            port=site.ports["coordinator"],
        ),
        Process(
            "exporter",
            [*PYTHON, "kci_local.lab.exporter", coordinator, str(resources)],
        ),
    ]


def write_exporter_file(folder: Path, relay: int, lines: dict[str, int]) -> Path:
    """Write what the exporter shows of the boards; return the file."""
    power = {"model": "rest", "host": f"http://127.0.0.1:{relay}/relay/{{index}}"}
    line = {"host": "127.0.0.1", "speed": 115200, "protocol": "raw"}
    boards = {
        name: {
            "NetworkPowerPort": {**power, "index": str(outlet)},
            "NetworkSerialPort": {**line, "port": port},
        }
        for outlet, (name, port) in enumerate(lines.items())
    }
    return _write(folder / "exporter.yaml", boards)


def write_lab_file(site: Site) -> Path:
    """Write what labgrid-bridge needs to know of this lab; return the file."""
    board = {"tags": {"device": PLATFORM}, "env": "netboot-x86_64.yaml"}
    lab = {
        "coordinator": site.address("coordinator"),
        "variables": {"LG_NETBOOT": str(site.netboot)},
        "devices": {PLATFORM: board},
    }
    return _write(site.state / "lab.yaml", lab)


def _write(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content, indent=1))  # JSON is YAML, too
    return file


async def create_place(coordinator: str, name: str) -> None:
    """Make a board's place unless it is there, and wait for its resources."""
    deadline = time.monotonic() + PATIENCE
    match = f"lab/{name}/*"
    steps = [["create"], ["add-match", match], ["set-tags", *TAGS]]
    while not _is_complete(said := await _place(coordinator, name), match):
        if time.monotonic() > deadline:
            raise NoLab(f"{name} is not complete after {PATIENCE:.0f} s: {said}")
        for step in steps:
            await _place(coordinator, name, *step)
        steps = []


def _is_complete(shown: str, match: str) -> bool:
    return all(part in shown for part in (match, *COMPLETE))


async def _place(coordinator: str, name: str, *command: str) -> str:
    """Run labgrid-client on a place, to show it by default; return what it says."""
    process = await asyncio.create_subprocess_exec(
        *(str(BIN / "labgrid-client"), "-x", coordinator, "-p", name),
        *(command or ["show"]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")
