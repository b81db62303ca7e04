# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes as the API answers them, for tests that need one or two."""

from datetime import UTC, datetime
from typing import Any

from kci_shared.models import NODE, Finding, Node, Severity

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def node(kind: str = "job", **fields: Any) -> Node:
    """Return a node of a kind with these fields."""
    base = {"id": "n1", "kind": kind, "name": "boot", "owner": "me"}
    return NODE.validate_python({**base, "created": NOW, "updated": NOW, **fields})


def finding(severity: Severity = Severity.FAULT, headline: str = "BUG: x") -> Finding:
    """Return what a log shows on its first line."""
    return Finding(
        kind="bug", severity=severity, headline=headline, line=1, signature="s"
    )
