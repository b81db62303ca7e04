# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB's REST interface on this machine: `python -m kci_fakes.kcidb_receiver`.

Accepts submissions and answers as KCIDB's own server does, and keeps them in a folder;
for the demo and for tests. Listens on loopback only.
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from jose import ExpiredSignatureError, JWTError, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kci_fakes.kcidb_spool import Spool, check_version, schema_validator

MAX_BYTES = 512 << 20
INGEST_S = 0.2
LEEWAY_S = 60
STATUSES = {
    "inprogress": "File still in progress",
    "ready": "File waiting for processing",
    "processed": "File archived",
    "failed": "File failed to pass validation",
}
FAULTS = ("ok", "502", "cut", "slow")
"""What may go wrong with a submission: `cut` stores it and closes the connection."""
SLOW_S = 2.0


class Denied(Exception):
    """The token is missing or wrong."""


class Receiver:
    """The server; each submission takes the next of `faults`."""

    def __init__(self, spool: Spool, secret: str, faults: list[str]) -> None:
        self._spool = spool
        self._secret = secret
        self.faults = deque(faults)
        self._started = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._origins: Counter[str] = Counter()

    def app(self) -> Starlette:
        """Return the application, which ingests submissions while it is served."""
        return Starlette(
            routes=[
                Route("/", self._root),
                Route("/submit", self._submit, methods=["POST"]),
                Route("/status", self._status),
                Route("/authtest", self._authtest),
                Route("/health", _health),
                Route("/metrics", self._metrics),
            ],
            lifespan=self._ingesting,
        )

    @asynccontextmanager
    async def _ingesting(self, _: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(self._ingest())
        yield
        task.cancel()

    async def _ingest(self) -> None:
        while True:
            self._spool.ingest()
            await asyncio.sleep(INGEST_S)

    async def _submit(self, request: Request) -> Response:
        fault = self.faults.popleft() if self.faults else "ok"
        if fault == "502":
            return Response(status_code=502)
        body = await _body(request)
        if body is None:
            return PlainTextResponse("length limit exceeded", 413)
        return self._take(body, request.headers.get("authorization"), fault)

    def _take(self, body: bytes, authorization: str | None, fault: str) -> Response:
        """Check a submission in the same order as the real server, and store it."""
        try:
            body.decode()
            origin = self._origin(authorization)
            _parse(body)
        except UnicodeDecodeError as error:
            return PlainTextResponse(f"Request body is not valid UTF-8: {error}", 400)
        except Denied as error:
            return self._refuse(401, str(error))
        except ValueError as error:
            return self._refuse(400, str(error))
        name = self._spool.store(body)
        self._counts["submissions"] += 1
        self._counts["bytes"] += len(body)
        self._origins[re.sub(r"[^a-z0-9]+", "_", origin.lower()).strip("_")] += 1
        message = f"Received submission {name} with size {len(body)} bytes"
        answer = _answer(200, name, "ok", message)
        return Faulty(answer, fault) if fault != "ok" else answer

    async def _status(self, request: Request) -> Response:
        name = request.query_params.get("id")
        if name is None:
            message = "Failed to deserialize query string: missing field `id`"
            return PlainTextResponse(message, 400)
        try:
            self._origin(request.headers.get("authorization"))
        except Denied as error:
            return self._refuse(401, str(error))
        if not re.fullmatch("[A-Za-z0-9]+", name):
            return self._refuse(400, "Invalid id" if name else "Empty id")
        status = self._spool.status(name)
        if status is None:
            return _answer(404, name, "notfound", "File not found")
        return _answer(200, name, status, STATUSES[status])

    async def _authtest(self, request: Request) -> Response:
        try:
            self._origin(request.headers.get("authorization"))
        except Denied as error:
            return self._refuse(401, str(error))
        return _answer(200, "0", "ok", "Authentication successful")

    async def _root(self, _: Request) -> Response:
        return HTMLResponse("<!DOCTYPE html><title>KCIDB</title><p>a local receiver")

    async def _metrics(self, _: Request) -> Response:
        counts = self._counts
        values = {
            "kcidb_submissions_total": counts["submissions"],
            "kcidb_submission_size_total": counts["bytes"],
            "kcidb_errors_total": counts["errors"],
            "kcidb_system_errors_total": 0,
            "kcidb_user_errors_total": counts["errors"],
            "kcidb_json_files": len(self._spool.waiting()),
            "kcidb_uptime_seconds": int(time.monotonic() - self._started),
        }
        for origin, count in self._origins.items():
            values[f'kcidb_submissions_by_origin{{origin="{origin}"}}'] = count
        return PlainTextResponse("".join(f"{k} {v}\n" for k, v in values.items()))

    def _refuse(self, code: int, message: str) -> Response:
        self._counts["errors"] += 1
        return _answer(code, "0", "error", message)

    def _origin(self, authorization: str | None) -> str:
        """Return the origin of a token; raise `Denied` if it is not valid."""
        if authorization is None:
            raise Denied("JWT is required")
        if not authorization.isascii():
            raise Denied("Missing or invalid JWT")
        _, space, token = authorization.partition(" ")
        if not space:
            raise Denied("Missing or invalid JWT (Bearer)")
        try:
            options = {"leeway": LEEWAY_S, "require_exp": True, "verify_aud": False}
            claims = jwt.decode(token, self._secret, ["HS256"], options)
        except ExpiredSignatureError as error:
            raise Denied("ExpiredSignature") from error
        except JWTError as error:
            is_forged = "Signature verification" in str(error)
            raise Denied("InvalidSignature" if is_forged else "InvalidToken") from error
        if not isinstance(claims.get("origin"), str):
            raise Denied("Missing required claim: origin")
        return str(claims["origin"])


class Faulty(Response):
    """An answer that is late, or cut off."""

    def __init__(self, answer: Response, fault: str) -> None:
        super().__init__()
        self._answer = answer
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer late, or only its headers."""
        if self._fault == "slow":
            await asyncio.sleep(SLOW_S)
            await self._answer(scope, receive, send)
            return
        headers = self._answer.raw_headers
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionAbortedError("cut on purpose")


async def _health(_: Request) -> Response:
    return PlainTextResponse("OK")


def _parse(body: bytes) -> None:
    """Raise `ValueError` for what the real server's stricter parser refuses."""
    report = json.loads(body, parse_constant=_refuse_constant)
    json.dumps(report, ensure_ascii=False).encode()  # no lone surrogates


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def _body(request: Request) -> bytes | None:
    """Return the body, or None if it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(code: int, name: str, status: str, message: str) -> Response:
    """Answer with JSON that is labelled as text, as the real server does."""
    fields = {"id": name, "status": status, "message": message}
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return PlainTextResponse(text, code)


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="folder of the reports")
    parser.add_argument(
        "--validate", action="store_true", help="check reports by KCIDB's schema"
    )
    parser.add_argument(
        "--faults",
        nargs="*",
        choices=FAULTS,
        default=[],
        help="one for each submission, in order",
    )
    options = parser.parse_args()
    secret = os.environ.get("KCIDB_JWT_SECRET")
    if not secret:
        parser.error("KCIDB_JWT_SECRET is not set: set it to the secret of the tokens")
    validate = schema_validator() if options.validate else check_version
    receiver = Receiver(Spool(options.dir, validate), secret, options.faults)
    uvicorn.run(receiver.app(), host="127.0.0.1", port=options.port, access_log=False)


if __name__ == "__main__":
    main()
