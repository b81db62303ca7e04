# SPDX-License-Identifier: LGPL-2.1-or-later
"""The least that a FastAPI application can do: what ours is measured against."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel


class Thing(BaseModel):
    """What a client sends as a new node, checked as little as can be."""

    kind: str
    name: str
    parent: str | None = None
    state: str = "running"
    artifacts: dict[str, str] = {}
    data: dict[str, Any] = {}


app = FastAPI()


@app.get("/thing/{thing_id}")
async def get_thing(thing_id: str) -> dict[str, Any]:
    """Answer nothing."""
    return {}


@app.post("/thing")
async def post_thing(thing: Thing) -> Thing:
    """Answer what came."""
    return thing
