# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests as fast as the server answers them, sent by wrk."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 2
COUNT = re.compile(r"(\d+) requests in")
FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)")


class Refused(Exception):
    """A server did not answer as it should."""


@dataclass(frozen=True)
class Request:
    """One request, to be sent again and again."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def script(self) -> str:
        """Say it in wrk's language, which is Lua."""
        headers = {**self.headers, "Content-Type": "application/json"}
        lines = [f"wrk.method = {_quoted(self.method)}"]
        lines += [
            f"wrk.headers[{_quoted(k)}] = {_quoted(v)}" for k, v in headers.items()
        ]
        if self.body is not None:
            lines.append(f"wrk.body = {_quoted(json.dumps(self.body))}")
        return "\n".join(lines)


async def send(request: Request, at_once: int, folder: Path) -> int:
    """Send a request for some seconds; return how often it was answered."""
    script = folder / "request.lua"
    script.write_text(request.script())
    wrk = await asyncio.create_subprocess_exec(
        "wrk",
        "--threads",
        "1",
        "--connections",
        str(at_once),
        "--duration",
        f"{SECONDS}s",
        "--timeout",
        "30s",
        "--script",
        str(script),
        request.url,
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await wrk.communicate())[0].decode()
    if FAILED.search(said) or not (count := COUNT.search(said)):
        raise Refused(f"{request.method} {request.url}: {said}")
    return int(count[1])


def _quoted(text: str) -> str:
    return json.dumps(text)  # which Lua reads as well
