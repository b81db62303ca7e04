# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's calls: each proves by a token of its own job that it may be listened to.

A call only says where to look: LAVA makes it once, before it has written down what it
calls about, and its tokens can be read by strangers (see the README). What counts is
what LAVA answers when it is asked, so a call that is lost or forged costs nothing.
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

log = get_logger(__name__)

CALLS = Counter(
    "kci_lava_callbacks_total", "Calls from LAVA, by our answer", ["answer"]
)

LARGEST_BODY = 1 << 20
"""We ask LAVA for a call of some kilobytes."""
PATIENCE = 3.0
"""LAVA may call before it has told us the job's id; it waits 5 s for our answer."""
FILE = "callback.json"


@dataclass
class Expected:
    """A job whose call may come."""

    folder: Path
    token: str
    job_ids: set[int] = field(default_factory=set)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when LAVA has told us the job's ids."""


class Desk:
    """Knows which calls may come, and takes them."""

    def __init__(self, runtime: str, secret: str, heard: Callable[[int], None]) -> None:
        self._runtime = runtime
        self._key = hmac.digest(secret.encode(), b"kci-lava-callback", "sha256")
        self._heard = heard
        self._expected: dict[str, Expected] = {}

    def token(self, node_id: str) -> str:
        """Return the token of a node's job: of nothing else, and the same for ever."""
        said = f"{self._runtime}/{node_id}".encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()

    def path(self, node_id: str) -> str:
        """Return where LAVA calls for a node."""
        return f"/callback/{self._runtime}/{node_id}"

    def expect(self, node_id: str, folder: Path) -> Expected:
        """Await the call of a node's job; what it says is kept in the folder."""
        known = self._expected.get(node_id)
        if known is None or known.folder != folder:
            known = Expected(folder, self.token(node_id))
            self._expected[node_id] = known
        return known

    def forget(self, node_id: str, folder: Path) -> None:
        """Await no more calls of a node's job, unless it runs anew by now."""
        known = self._expected.get(node_id)
        if known and known.folder == folder:
            del self._expected[node_id]

    async def on_call(self, request: Request) -> Response:
        """Take a call: check it, keep it, answer, and have the job looked at."""
        answer, status = await self._answer(request)
        CALLS.labels(answer).inc()
        if status >= 400:
            log.warning("call refused", answer=answer, path=request.url.path)
        return JSONResponse({"detail": answer}, status)

    async def _answer(self, request: Request) -> tuple[str, int]:
        runtime = request.path_params["runtime"]
        node_id = request.path_params["node_id"]
        sent = request.headers.get("Authorization", "").encode()
        if runtime != self._runtime or not hmac.compare_digest(
            sent, self.token(node_id).encode()
        ):
            return "not the token of this job", 403
        expected = self._expected.get(node_id)
        if expected is None:
            return "nobody waits for this job any more", 200
        body = await _body(request)
        if body is None:
            return "too large, or cut short", 413
        job_id = _job_id(body)
        if not await _is_of(expected, job_id):
            return "not the job of this node", 403
        await asyncio.to_thread(keep, expected, body)
        self._heard(job_id)
        return "heard", 200


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _job_id(body: bytes) -> int:
    """Return which job the call is about; -1 if it says nothing that we know."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return -1
    job_id = said.get("id") if isinstance(said, dict) else None
    return job_id if type(job_id) is int else -1


async def _is_of(expected: Expected, job_id: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await expected.known.wait()
    except TimeoutError:
        return False
    return job_id in expected.job_ids


def keep(expected: Expected, body: bytes) -> None:
    """Write a call down, without its token, so that it outlives this process."""
    part = expected.folder / f"{FILE}.{os.urandom(4).hex()}.part"
    with part.open("wb") as file:
        file.write(body.replace(expected.token.encode(), b"REDACTED"))
        file.flush()
        os.fsync(file.fileno())
    part.rename(expected.folder / FILE)


@asynccontextmanager
async def listening(desk: Desk, host: str, port: int) -> AsyncIterator[None]:
    """Take calls as long as the block lasts; port 0 takes none."""
    path = "/callback/{runtime}/{node_id}"
    app = Starlette(routes=[Route(path, desk.on_call, methods=["POST"])])
    async with serving(app, host, port):
        yield
