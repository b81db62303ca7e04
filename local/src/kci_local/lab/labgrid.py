# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real labgrid with one board, on loopback: what to start, and its one place."""

import asyncio
import json
import sys
import time
from pathlib import Path

from kci_local.processes import Process
from kci_local.site import Site

BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]
PLACE = "board-1"
MATCH = f"lab/{PLACE}/*"
PLATFORM = "netboot-x86_64"
TAGS = ["kci=1", f"device={PLATFORM}", "arch=x86_64"]
STEPS = [["create"], ["add-match", MATCH], ["set-tags", *TAGS]]
"""How a place is made; each step may be repeated."""
COMPLETE = [*TAGS, MATCH, "resource 'NetworkPowerPort'", "resource 'NetworkSerialPort'"]
"""What labgrid shows of the place when nothing is missing."""
PATIENCE = 60.0
"""How long the exporter may take to show its board, in seconds."""


class NoLab(Exception):
    """The lab does not come up; the message holds what labgrid says."""


def lab_parts(site: Site) -> list[Process]:
    """Say how to run the board, the coordinator and the exporter, in that order."""
    coordinator = site.address("coordinator")
    relay, serial = site.ports["board relay"], site.ports["board serial"]
    ports = ["--power", str(relay), "--serial", str(serial)]
    resources = write_exporter_file(site.state, relay, serial)
    own = site.folder("coordinator")  # it keeps its places in its current folder
    change = ["env", f"--chdir={own}"]
    return [
        Process(
            "board",
            [*PYTHON, "kci_local.lab.board", *ports, "--netboot", str(site.netboot)],
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


def write_exporter_file(folder: Path, relay: int, serial: int) -> Path:
    """Write what the exporter shows of the board; return the file."""
    power = {
        "model": "rest",
        "host": f"http://127.0.0.1:{relay}/relay/{{index}}",
        "index": "0",
    }
    line = {"host": "127.0.0.1", "port": serial, "speed": 115200, "protocol": "raw"}
    board = {"NetworkPowerPort": power, "NetworkSerialPort": line}
    return _write(folder / "exporter.yaml", {PLACE: board})


def write_lab_file(site: Site) -> Path:
    """Write what labgrid-bridge needs to know of this lab; return the file."""
    board = {"tags": {"device": PLATFORM}, "env": "netboot-x86_64.yaml"}
    lab = {
        "coordinator": site.address("coordinator"),
        "variables": {"LG_NETBOOT": str(site.netboot.parent)},
        "devices": {PLATFORM: board},
    }
    return _write(site.state / "lab.yaml", lab)


def _write(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content, indent=1))  # JSON is YAML, too
    return file


async def create_places(coordinator: str) -> None:
    """Make the board's place unless it is there, and wait for its resources."""
    deadline = time.monotonic() + PATIENCE
    steps = STEPS
    while not _is_complete(said := await _place(coordinator, "show")):
        if time.monotonic() > deadline:
            raise NoLab(f"{PLACE} is not complete after {PATIENCE:.0f} s: {said}")
        for step in steps:
            await _place(coordinator, *step)
        steps = []


def _is_complete(shown: str) -> bool:
    return all(part in shown for part in COMPLETE)


async def _place(coordinator: str, *command: str) -> str:
    """Run labgrid-client on the place; return whatever it says."""
    process = await asyncio.create_subprocess_exec(
        *(str(BIN / "labgrid-client"), "-x", coordinator, "-p", PLACE, *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace")
