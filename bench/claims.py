# SPDX-License-Identifier: LGPL-2.1-or-later
"""An API that has endless jobs for every runtime, and keeps nothing."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request, Response

app = FastAPI()
_numbers = itertools.count(1)


@app.post("/latest/claims")
async def claim(request: Request) -> list[dict[str, Any]]:
    """Hand out as many jobs as are asked for."""
    wanted = await request.json()
    return [
        {"node": _node(f"{next(_numbers):024x}"), "claim": _grant()}
        for _ in range(wanted["max"])
    ]


@app.put("/latest/claims/{node_id}")
async def renew(node_id: str) -> dict[str, Any]:
    """Let a job be held on."""
    return _grant()


@app.post("/latest/claims/{node_id}/result")
async def report(node_id: str) -> dict[str, Any]:
    """Take a report."""
    return _node(node_id)


@app.post("/latest/claims/{node_id}/release")
async def release(node_id: str) -> dict[str, Any]:
    """Take a job back."""
    return _node(node_id)


@app.get("/latest/nodes/fast")
async def find() -> list[dict[str, Any]]:
    """Say that nobody has ended a job."""
    return []


@app.put("/latest/runtimes/{runtime}")
async def register(runtime: str) -> Response:
    """Hear of a runtime."""
    return Response(status_code=204)


@app.get("/ready")
async def ready() -> dict[str, Any]:
    """Say that it runs."""
    return {}


def _node(node_id: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    definition = {"artifacts": {}, "timeout": 3600}
    return {
        "id": node_id,
        "kind": "job",
        "name": "bench",
        "owner": "bench",
        "created": now,
        "updated": now,
        "data": {"platform": "fake", "definition": definition},
    }


def _grant() -> dict[str, Any]:
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {"token": 1, "expires": expires, "attempt": 1}
