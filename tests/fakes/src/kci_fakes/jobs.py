# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes of jobs as the API returns them, for the tests of bridges."""

from datetime import UTC, datetime
from typing import Any

from kci_shared.models import NODE, Node

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def a_job_node(
    node_id: str, *, runtime: str, platform: str, name: str = "smoke", **data: Any
) -> Node:
    """Return a job that waits for a runtime; `data` are more fields of its data."""
    return NODE.validate_python(
        {
            "id": node_id,
            "kind": "job",
            "name": name,
            "owner": "me",
            "created": NOW,
            "updated": NOW,
            "data": {"runtime": runtime, "platform": platform, **data},
        }
    )
