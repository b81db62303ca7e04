# SPDX-License-Identifier: LGPL-2.1-or-later
"""LAVA's REST API 0.2: what we ask of it, and what its refusals mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from kci_lava_bridge.lab import Lab
from kci_shared.lab import LabError, NoDevice
from kci_shared.work import BadJob, CannotRun

M = TypeVar("M", bound=BaseModel)

PAGE = 50
"""How many jobs are asked for at once: each comes with its whole definition."""
MOST = 1000
"""Of devices, workers, aliases, tags."""
LARGEST_RESULTS = 64 * 2**20
CHUNK = 1 << 16
NO_DEVICE = ("Devices unavailable", "No devices of type")


class LavaAway(LabError):
    """LAVA does not answer for now; nobody knows whether it heard the question."""


class LavaBroken(LavaAway):
    """LAVA answers by an error of its own, which may be there for ever."""


class State(StrEnum):
    """Where a job is in LAVA."""

    SUBMITTED = "Submitted"
    SCHEDULING = "Scheduling"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    CANCELING = "Canceling"
    FINISHED = "Finished"


class Health(StrEnum):
    """How a job ended in LAVA."""

    UNKNOWN = "Unknown"
    COMPLETE = "Complete"
    INCOMPLETE = "Incomplete"
    CANCELED = "Canceled"


class LavaJob(BaseModel):
    """A job as LAVA tells of it."""

    id: int
    state: State
    health: Health
    submitter: str | None = None
    actual_device: str | None = None
    start_time: datetime | None = None
    definition: str = ""


class Device(BaseModel):
    """A device as LAVA tells of it."""

    hostname: str
    device_type: str
    state: str
    health: str
    worker_host: str | None = None
    tags: list[int] = []


class Worker(BaseModel):
    """The machine that devices hang on."""

    hostname: str
    state: str
    health: str


class Named(BaseModel):
    """An alias of a device type, a tag, or a suite."""

    id: int | None = None
    name: str
    device_type: str | None = None


class Page(BaseModel, Generic[M]):
    """Some of what there is."""

    results: list[M]


class Count(BaseModel):
    """How many there are."""

    count: int


class Who(BaseModel):
    """Whose token ours is."""

    user: str = ""


class Submitted(BaseModel):
    """What became of a definition."""

    job_ids: list[int | str]


class Seen(NamedTuple):
    """Jobs, and LAVA's own time when it told of them."""

    jobs: list[LavaJob]
    now: datetime


class Lava:
    """A LAVA server; every call raises `LavaAway`, or another `CannotRun`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, lab: Lab) -> AsyncIterator[Self]:
        """Open the server of a lab."""
        async with httpx.AsyncClient(
            base_url=f"{lab.url.rstrip('/')}/api/v0.2/",
            headers={"Authorization": f"Token {lab.read_token()}"},
            timeout=httpx.Timeout(30, connect=10),
            # gunicorn, which LAVA runs in, hangs up after two seconds
            limits=httpx.Limits(keepalive_expiry=1),
        ) as http:
            yield cls(http)

    async def whoami(self) -> str:
        """Return the user whose token ours is; empty for nobody."""
        return _read(Who, await self._get("system/whoami/")).user

    async def submit(self, definition: str) -> list[str]:
        """Submit a job; return its ids: one, or "60.0", "60.1" of a multinode job."""
        answer = await self._send("POST", "jobs/", json={"definition": definition})
        if answer.status_code != httpx.codes.CREATED:
            raise _refusal(answer)
        return [str(job_id) for job_id in _read(Submitted, answer).job_ids]

    async def cancel(self, job_id: int) -> None:
        """Have a job stopped; no error when it has ended or is unknown."""
        answer = await self._send("GET", f"jobs/{job_id}/cancel/")
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise _refusal(answer)

    async def jobs(self, job_ids: list[int]) -> Seen:
        """Tell of some jobs; those that are unknown are left out."""
        ids = ",".join(map(str, job_ids))
        query = {"id__in": ids, "ordering": "id", "limit": len(job_ids)}
        return await self._jobs(query)

    async def jobs_described(self, start: str) -> list[LavaJob]:
        """Tell of the newest jobs whose name begins so."""
        query = {"description__startswith": start, "ordering": "-id", "limit": PAGE}
        return (await self._jobs(query)).jobs

    async def _jobs(self, query: dict[str, Any]) -> Seen:
        answer = await self._get("jobs/", query)
        date = answer.headers.get("Date")
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return Seen(_read(Page[LavaJob], answer).results, now)

    async def has_tests(self, job_id: int) -> bool:
        """Say whether a job has results of a suite that is not LAVA's own."""
        suites = _read(Page[Named], await self._get(f"jobs/{job_id}/suites/"))
        return any(suite.name != "lava" for suite in suites.results)

    async def count_queued(self, device_type: str) -> int:
        """Tell how many jobs wait for a device of a type, whosoever they are."""
        query = {
            "state": State.SUBMITTED,
            "requested_device_type": device_type,
            "limit": 1,
        }
        return _read(Count, await self._get("jobs/", query)).count

    async def devices(self) -> list[Device]:
        """List the devices that we may see and that are not retired."""
        return await self._all("devices/", Page[Device])

    async def workers(self) -> list[Worker]:
        """List the workers."""
        return await self._all("workers/", Page[Worker])

    async def aliases(self) -> dict[str, str]:
        """Tell which type an alias stands for."""
        found = await self._all("aliases/", Page[Named])
        return {alias.name: alias.device_type or alias.name for alias in found}

    async def tags(self) -> dict[str, int]:
        """Tell the number by which a device names a tag."""
        found = await self._all("tags/", Page[Named])
        return {tag.name: tag.id for tag in found if tag.id is not None}

    async def _all(self, path: str, page: type[Page[M]]) -> list[M]:
        return _read(page, await self._get(path, {"limit": MOST})).results

    async def results(self, job_id: int) -> bytes:
        """Return all results of a job, as YAML; empty where there are none."""
        found = bytearray()
        async for chunk in self._stream(f"jobs/{job_id}/yaml/"):
            found += chunk
            if len(found) > LARGEST_RESULTS:
                raise LabError(f"job {job_id}: its results are too large")
        return bytes(found)

    async def log(self, job_id: int) -> AsyncIterator[bytes]:
        """Yield the log of a job in pieces; nothing where there is none."""
        async for chunk in self._stream(f"jobs/{job_id}/logs/"):
            yield chunk

    async def _stream(self, path: str) -> AsyncIterator[bytes]:
        try:
            async with self._http.stream("GET", path) as answer:
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    raise _refusal(answer)
                async for chunk in answer.aiter_bytes(CHUNK):
                    yield chunk
        except httpx.HTTPError as error:
            raise LavaAway(f"LAVA: {type(error).__name__}: {error}") from error

    async def _get(
        self, path: str, query: dict[str, Any] | None = None
    ) -> httpx.Response:
        answer = await self._send("GET", path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer)
        return answer

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise LavaAway(f"LAVA: {type(error).__name__}: {error}") from error


def _read(kind: type[M], answer: httpx.Response) -> M:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        path, [first, *_] = answer.request.url.path, error.errors(include_url=False)
        where = ".".join(map(str, first["loc"])) or "the answer"
        said = f"LAVA: {path}: not as LAVA answers: {where}: {first['msg']}"
        raise LabError(said) from error


def _refusal(answer: httpx.Response) -> CannotRun:
    """Tell what it means that LAVA refuses."""
    said = _said(answer)
    if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
        return LavaBroken(f"LAVA: HTTP 500: {said}")
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return LavaAway(f"LAVA: HTTP {answer.status_code}: {said}")
    if answer.status_code == httpx.codes.FORBIDDEN:
        return LabError(f"LAVA does not accept our token: {said}")
    if answer.status_code == httpx.codes.BAD_REQUEST:
        refused = NoDevice if said.startswith(NO_DEVICE) else BadJob
        return refused(f"LAVA refuses the job: {said}")
    return LabError(f"LAVA: unexpected HTTP {answer.status_code}: {said}")


def _said(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    told = (
        body.get("message", body.get("detail", body))
        if isinstance(body, dict)
        else body
    )
    return " ".join(str(told).split())[:500]
