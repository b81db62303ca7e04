# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of LAVA's REST API 0.2."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from kci_lava_bridge.answers import (
    Count,
    Device,
    LavaJob,
    Named,
    Page,
    Seen,
    State,
    Submitted,
    Who,
    Worker,
)
from kci_lava_bridge.lab_file import Lab
from kci_lava_bridge.refusals import LavaAway, judge, refusal
from kci_shared.channels import About, ChannelClient, TokenAuth
from kci_shared.lab import LabError

M = TypeVar("M", bound=BaseModel)

JOBS_PER_PAGE = 50
"""Of jobs, each of which comes with its whole definition."""
MAX_ENTRIES = 1000
"""Of devices, workers, aliases and tags."""
MAX_RESULTS_BYTES = 64 * 2**20
CHUNK_BYTES = 1 << 16


class Lava:
    """A LAVA server; calls may raise `LavaAway`, another `CannotRun`, `ChannelDown`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, read: Callable[[], Lab]) -> AsyncIterator[Self]:
        """Open a connection to a lab's server.

        `read` returns the lab; it is called again while the server cannot be used.
        """
        lab = await asyncio.to_thread(read)
        http = ChannelClient(
            About("lava", url="`url` in KCI_LAB", credentials=str(lab.token_file)),
            ("GET", "system/whoami/"),
            judge=judge,
            base_url=_api_of(lab),
            read_url=lambda: _api_of(read()),
            auth=TokenAuth(lambda: read().read_token(), "Token"),
            timeout=httpx.Timeout(30, connect=10),
            # LAVA's gunicorn closes idle connections after two seconds
            limits=httpx.Limits(keepalive_expiry=1),
        )
        async with http, http.channel.opened():
            yield cls(http)

    async def whoami(self) -> str:
        """Return the user of our token; empty if the token is unknown."""
        return _read(Who, await self._get("system/whoami/")).user

    async def submit(self, definition: str) -> list[str]:
        """Submit a job; return its ids: one, or "60.0", "60.1" of a multinode job."""
        answer = await self._send("POST", "jobs/", json={"definition": definition})
        if answer.status_code != httpx.codes.CREATED:
            raise refusal(answer)
        return [str(job_id) for job_id in _read(Submitted, answer).job_ids]

    async def cancel(self, job_id: int) -> None:
        """Cancel a job; no error if it has ended or is unknown."""
        answer = await self._send("GET", f"jobs/{job_id}/cancel/")
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise refusal(answer)

    async def jobs(self, job_ids: list[int]) -> Seen:
        """Return jobs by id, without those that LAVA does not know."""
        ids = ",".join(map(str, job_ids))
        query = {"id__in": ids, "ordering": "id", "limit": len(job_ids)}
        return await self._jobs(query)

    async def jobs_named(self, start: str) -> list[LavaJob]:
        """Return the jobs whose name begins with a text, newest first."""
        query = {
            "description__startswith": start,
            "ordering": "-id",
            "limit": JOBS_PER_PAGE,
        }
        return (await self._jobs(query)).jobs

    async def _jobs(self, query: dict[str, Any]) -> Seen:
        answer = await self._get("jobs/", query)
        date = answer.headers.get("Date")
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return Seen(_read(Page[LavaJob], answer).results, now)

    async def has_tests(self, job_id: int) -> bool:
        """Return whether a job has results of a suite that is not LAVA's own."""
        suites = _read(Page[Named], await self._get(f"jobs/{job_id}/suites/"))
        return any(suite.name != "lava" for suite in suites.results)

    async def count_queued(self, device_type: str) -> int:
        """Return how many jobs, of all users, wait for a device of a type."""
        query = {
            "state": State.SUBMITTED,
            "requested_device_type": device_type,
            "limit": 1,
        }
        return _read(Count, await self._get("jobs/", query)).count

    async def devices(self) -> list[Device]:
        """Return the devices that our user may see and that are not retired."""
        return await self._all("devices/", Page[Device])

    async def workers(self) -> list[Worker]:
        """Return the workers, the machines that devices are connected to."""
        return await self._all("workers/", Page[Worker])

    async def aliases(self) -> dict[str, str]:
        """Return the device type of each alias."""
        aliases = await self._all("aliases/", Page[Named])
        return {alias.name: alias.device_type or alias.name for alias in aliases}

    async def tags(self) -> dict[str, int]:
        """Return the id of each tag."""
        tags = await self._all("tags/", Page[Named])
        return {tag.name: tag.id for tag in tags if tag.id is not None}

    async def _all(self, path: str, page: type[Page[M]]) -> list[M]:
        return _read(page, await self._get(path, {"limit": MAX_ENTRIES})).results

    async def results(self, job_id: int) -> bytes:
        """Return all results of a job as YAML; empty if there are none."""
        results = bytearray()
        async for chunk in self._stream(f"jobs/{job_id}/yaml/"):
            results += chunk
            if len(results) > MAX_RESULTS_BYTES:
                limit = f"{MAX_RESULTS_BYTES} bytes"
                raise LabError(f"LAVA: results of job {job_id} exceed {limit}")
        return bytes(results)

    async def log(self, job_id: int) -> AsyncIterator[bytes]:
        """Yield the log of a job in chunks; nothing if it is missing."""
        async for chunk in self._stream(f"jobs/{job_id}/logs/"):
            yield chunk

    async def _stream(self, path: str) -> AsyncIterator[bytes]:
        try:
            async with self._http.stream("GET", path) as answer:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    raise refusal(answer)
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    yield chunk
        except httpx.HTTPError as error:
            raise LavaAway(f"LAVA: {type(error).__name__}: {error}") from error

    async def _get(
        self, path: str, query: dict[str, Any] | None = None
    ) -> httpx.Response:
        answer = await self._send("GET", path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise refusal(answer)
        return answer

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise LavaAway(f"LAVA: {type(error).__name__}: {error}") from error


def _api_of(lab: Lab) -> str:
    return f"{lab.url.rstrip('/')}/api/v0.2/"


def _read(kind: type[M], answer: httpx.Response) -> M:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        path, [first, *_] = answer.request.url.path, error.errors(include_url=False)
        where = ".".join(map(str, first["loc"])) or "the answer"
        message = f"LAVA: {path}: not as LAVA answers: {where}: {first['msg']}"
        raise LabError(message) from error
