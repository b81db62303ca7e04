# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a bridge needs of the API and of the storage; `ApiClient` and `Storage` fit."""

from pathlib import Path
from typing import Any, Protocol

from kci_shared.models import (
    ClaimedNode,
    ClaimRequest,
    Grant,
    Node,
    Report,
    RuntimeReport,
)
from kci_shared.nodes import Nodes


class ClaimsApi(Nodes, Protocol):
    """Claims nodes, and writes to those that are claimed.

    A write with the token of a lost claim raises `Conflict`.
    """

    async def claim(self, request: ClaimRequest, /) -> list[ClaimedNode]:
        """Claim waiting nodes; empty if none arrives in time."""
        ...

    async def adopt(
        self, node_id: str, runtime: str, lease: float, attempt: int | None = None
    ) -> ClaimedNode:
        """Take back a node that the runtime held; with `attempt` only that attempt."""
        ...

    async def renew(self, node_id: str, token: int, lease: float, /) -> Grant:
        """Extend a claim to `lease` seconds from now."""
        ...

    async def note(self, node_id: str, token: int, data: dict[str, Any], /) -> Grant:
        """Write facts into a claimed node's `data`."""
        ...

    async def release(self, node_id: str, token: int, reason: str, /) -> None:
        """Give a claimed node back for others."""
        ...

    async def report(self, node_id: str, report: Report, /) -> Node:
        """End a claimed node with its outcome, tests and artifacts."""
        ...

    async def register(self, runtime: str, report: RuntimeReport, /) -> None:
        """Publish the state of a runtime."""
        ...


class Files(Protocol):
    """Reads and stores artifacts."""

    async def fetch(self, url: str, folder: Path, /) -> Path:
        """Copy an artifact into a folder; return the file."""
        ...

    async def put_file(self, path: Path, /) -> str:
        """Store a file; return its URL."""
        ...
