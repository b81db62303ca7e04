# SPDX-License-Identifier: LGPL-2.1-or-later
"""Receives LAVA's callbacks, each authenticated by a token for its own job.

A callback only says which job to query. LAVA sends it once, before it has stored the
job's end, and others can read its token (see the README). So results are always queried
from LAVA, and a lost or forged callback does no harm.
"""

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kci_shared.logging import get_logger
from kci_shared.server import serving
from kci_shared.waiting import wait

log = get_logger(__name__)

CALLS = Counter(
    "kci_lava_callbacks_total", "Calls from LAVA, by our answer", ["answer"]
)

MAX_BODY_BYTES = 1 << 20
"""The callback that we ask for has some kilobytes."""
SUBMISSION_S = 3.0
"""A callback may arrive before LAVA has returned the job's id. LAVA waits 5 s."""
CALLBACK_FILE = "callback.json"


@dataclass
class Expected:
    """A job whose callback may arrive."""

    folder: Path
    token: str
    job_ids: set[int] = field(default_factory=set)
    submitted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when LAVA has returned the job's ids."""


class Callbacks:
    """Accepts callbacks of expected jobs; `notify` gets the id of each job."""

    def __init__(
        self, runtime: str, secret: str, notify: Callable[[int], None]
    ) -> None:
        self._runtime = runtime
        self._key = hmac.digest(secret.encode(), b"kci-lava-callback", "sha256")
        self._notify = notify
        self._expected: dict[str, Expected] = {}

    def token(self, node_id: str) -> str:
        """Return the token for a node's callback; it is valid for this node only."""
        message = f"{self._runtime}/{node_id}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def path(self, node_id: str) -> str:
        """Return the path of a node's callback."""
        return f"/callback/{self._runtime}/{node_id}"

    def expect(self, node_id: str, folder: Path) -> Expected:
        """Accept the callback of a node's job, and store it in a folder."""
        expected = self._expected.get(node_id)
        if expected is None or expected.folder != folder:
            expected = Expected(folder, self.token(node_id))
            self._expected[node_id] = expected
        return expected

    def forget(self, node_id: str, folder: Path) -> None:
        """Accept no more callbacks of this run; a newer run's are still accepted."""
        expected = self._expected.get(node_id)
        if expected and expected.folder == folder:
            del self._expected[node_id]

    async def on_call(self, request: Request) -> Response:
        """Check a callback, store it, answer it, and notify."""
        answer, status = await self._answer(request)
        CALLS.labels(answer).inc()
        if status >= 400:
            log.warning("call refused", answer=answer, path=request.url.path)
        return JSONResponse({"detail": answer}, status)

    async def _answer(self, request: Request) -> tuple[str, int]:
        runtime = request.path_params["runtime"]
        node_id = request.path_params["node_id"]
        token = request.headers.get("Authorization", "").encode()
        if runtime != self._runtime or not hmac.compare_digest(
            token, self.token(node_id).encode()
        ):
            return "not the token of this job", 403
        expected = self._expected.get(node_id)
        if expected is None:
            return "nobody waits for this job any more", 200
        body = await _body(request)
        if body is None:
            return "too large, or cut short", 413
        job_id = _job_id(body)
        if not await wait(expected.submitted, SUBMISSION_S):
            return "not the job of this node", 403
        if job_id not in expected.job_ids:
            return "not the job of this node", 403
        await asyncio.to_thread(store, expected, body)
        self._notify(job_id)
        return "heard", 200


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _job_id(body: bytes) -> int:
    """Return the id of the job that a callback is about; -1 if it has none."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return -1
    job_id = message.get("id") if isinstance(message, dict) else None
    return job_id if type(job_id) is int else -1


def store(expected: Expected, body: bytes) -> None:
    """Write a callback to the job's folder, without its token, durably."""
    part = expected.folder / f"{CALLBACK_FILE}.{os.urandom(4).hex()}.part"
    with part.open("wb") as file:
        file.write(body.replace(expected.token.encode(), b"REDACTED"))
        file.flush()
        os.fsync(file.fileno())
    part.rename(expected.folder / CALLBACK_FILE)


@asynccontextmanager
async def listening(callbacks: Callbacks, host: str, port: int) -> AsyncIterator[None]:
    """Serve callbacks while the context is open; port 0 serves none."""
    path = "/callback/{runtime}/{node_id}"
    app = Starlette(routes=[Route(path, callbacks.on_call, methods=["POST"])])
    async with serving(app, host, port):
        yield
