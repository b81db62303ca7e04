# SPDX-License-Identifier: LGPL-2.1-or-later
"""TCP ports of one state folder: chosen once, and the same at each start."""

import json
import socket
from pathlib import Path


class Ports:
    """A free port on loopback for each name."""

    def __init__(self, state: Path) -> None:
        self._file = state / "ports.json"
        stored = self._file.read_text() if self._file.exists() else "{}"
        self._ports: dict[str, int] = json.loads(stored)

    def __getitem__(self, name: str) -> int:
        """Return the port of a name; choose a free one if it has none."""
        if name not in self._ports:
            self[name] = _free_port()
        return self._ports[name]

    def __setitem__(self, name: str, port: int) -> None:
        """Set the port of a name."""
        self._ports[name] = port
        self._file.write_text(json.dumps(self._ports, indent=1))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
