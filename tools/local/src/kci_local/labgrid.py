# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real labgrid on loopback: how to run its boards, coordinator and exporter."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from kci_local.processes import Process
from kci_local.site import Site

BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]
BOARDS = ["board-1", "board-2", "board-3"]
"""One for each revision of the demo, so that no revision waits for another."""
PLATFORM = "netboot-x86_64"
TAGS = ["kci=1", f"device={PLATFORM}", "arch=x86_64"]


def lab_parts(site: Site, names: Sequence[str] = BOARDS) -> list[Process]:
    """Return how to run boards, coordinator and exporter, in the order of starting."""
    lines = {name: site.ports[f"{name} serial"] for name in names}
    return [_boards(site, lines), _coordinator(site), _exporter(site, lines)]


def _boards(site: Site, lines: dict[str, int]) -> Process:
    relay = site.ports["relay"]
    boards = [f"{line}:{site.board(name)}" for name, line in lines.items()]
    command = [*PYTHON, "kci_fakes.lab.board", f"--power={relay}", *boards]
    return Process("boards", command, port=relay)


def _coordinator(site: Site) -> Process:
    return Process(
        "coordinator",
        [str(BIN / "labgrid-coordinator"), "-l", site.address("coordinator")],
        port=site.ports["coordinator"],
        folder=site.folder("coordinator"),  # it stores its places there
    )


def _exporter(site: Site, lines: dict[str, int]) -> Process:
    resources = write_exporter_file(site.state, site.ports["relay"], lines)
    what = [site.address("coordinator"), str(resources)]
    options = ["--tags", *TAGS, "--places", *lines]
    return Process("exporter", [*PYTHON, "kci_fakes.lab.exporter", *what, *options])


def write_exporter_file(folder: Path, relay: int, lines: dict[str, int]) -> Path:
    """Write the exporter's configuration; return the file."""
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
    """Write the lab file of labgrid-bridge; return the file."""
    board = {"tags": {"device": PLATFORM}, "env": "netboot-x86_64.yaml"}
    lab = {
        "coordinator": site.address("coordinator"),
        "variables": {"LG_NETBOOT": str(site.netboot)},
        "devices": {PLATFORM: board},
    }
    return _write(site.state / "lab.yaml", lab)


async def count_powered(site: Site, boards: int = len(BOARDS)) -> int:
    """Ask the relay how many of its boards are on."""
    # plain HTTP on loopback: loading certificates would take longest
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:  # noqa: S501
        urls = [f"{site.url('relay')}/relay/{outlet}" for outlet in range(boards)]
        return [(await http.get(url)).text for url in urls].count("1")


def _write(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content, indent=1))  # JSON is YAML, too
    return file
