# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API of a Kubernetes cluster: what we ask of it, and what its refusals mean."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from kci_kubernetes_bridge.access import Access
from kci_kubernetes_bridge.objects import Job, Pod
from kci_shared.lab import LabError
from kci_shared.logging import get_logger
from kci_shared.work import BadJob, CannotRun

log = get_logger(__name__)

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
"""Between two attempts while the cluster is away, in seconds."""
YOUNG = 60.0
"""How long a cluster may deny us what it allows: one that starts has yet to read who
may do what. In seconds."""
PAGE = 100
"""How many objects are asked for at once."""
WATCH_SECONDS = 120
"""How long one watch lasts; then all is listed again, in case something was missed."""
SILENCE = 30.0
LONGEST_EVENT = 4 * 2**20
CHUNK = 1 << 16
Kind = type[Job] | type[Pod]

GROUPS: dict[Kind, str] = {Job: "apis/batch/v1", Pod: "api/v1"}
NAMES: dict[Kind, str] = {Job: "jobs", Pod: "pods"}
BAD = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT)

OBJECTS: dict[Kind, TypeAdapter[Any]] = {
    Job: TypeAdapter(Job),
    Pod: TypeAdapter(Pod),
}


class Away(LabError):
    """The cluster does not answer for now; nobody knows whether it heard us."""


class Denied(LabError):
    """The cluster does not let us: for good, or until it has read its own rules."""


class Page(NamedTuple):
    """A part of a list; `version` is where to watch on from after the last one."""

    objects: list[Any]
    version: str
    next: str


class Change(NamedTuple):
    """Something that happened to a Job or a pod."""

    is_gone: bool
    object: Any


class Kubernetes:
    """One namespace of a cluster; each call may raise `LabError`, such as `Away`."""

    def __init__(self, http: httpx.AsyncClient, namespace: str) -> None:
        self._http = http
        self._namespace = namespace

    @classmethod
    @asynccontextmanager
    async def connect(cls, access: Access) -> AsyncIterator[Self]:
        """Open the cluster."""
        async with httpx.AsyncClient(
            base_url=f"{access.url.rstrip('/')}/",
            verify=access.tls,
            auth=access.auth,
            timeout=httpx.Timeout(30, connect=10),
            trust_env=False,  # nor a proxy, nor somebody's .netrc
        ) as http:
            yield cls(http, access.namespace)

    async def create(self, body: dict[str, Any]) -> bool:
        """Create a Job; False when there is one of that name."""
        answer = await self._send("POST", self._path(Job), json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        if not answer.is_success:
            raise self._refusal(answer, "create", "jobs")
        return True

    async def job(self, name: str) -> Job | None:
        """Return a Job, if there is one of that name."""
        answer = await self._send("GET", f"{self._path(Job)}/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise self._refusal(answer, "get", "jobs")
        return _read(Job, _json(answer))  # type: ignore[no-any-return]

    async def delete(self, name: str) -> None:
        """Delete a Job with its pods; no error when it is gone."""
        path = f"{self._path(Job)}/{name}"
        query = {"propagationPolicy": "Background"}  # else the pods may stay
        answer = await self._send("DELETE", path, params=query)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise self._refusal(answer, "delete", "jobs")

    async def list(self, kind: Kind, **query: str | int) -> Page:
        """List some objects."""
        told: dict[str, str | int] = {"limit": PAGE, **query}
        answer = await self._send("GET", self._path(kind), params=told)
        if not answer.is_success:
            raise self._refusal(answer, "list", NAMES[kind])
        body = _json(answer)
        about = body.get("metadata") or {}
        return Page(
            objects=[_read(kind, item) for item in body.get("items") or []],
            version=str(about.get("resourceVersion", "")),
            next=str(about.get("continue") or ""),
        )

    async def watch(
        self, kind: Kind, selector: str, version: str
    ) -> AsyncIterator[Change]:
        """Yield what happens after a version, for a while."""
        query: dict[str, str | int] = {
            "watch": "true",
            "labelSelector": selector,
            "resourceVersion": version,
            "timeoutSeconds": WATCH_SECONDS,
        }
        path, limit = self._path(kind), httpx.Timeout(30, read=WATCH_SECONDS + SILENCE)
        try:
            async with self._http.stream(
                "GET", path, params=query, timeout=limit
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer, "watch", NAMES[kind])
                async for line in _lines(answer):
                    yield _change(kind, line)
        except httpx.HTTPError as error:
            raise _away(error) from error

    async def log(self, pod: str, container: str) -> AsyncIterator[bytes]:
        """Yield what a pod's container wrote; nothing where there is no log."""
        path, query = f"{self._path(Pod)}/{pod}/log", {"container": container}
        try:
            async with self._http.stream("GET", path, params=query) as answer:
                if answer.status_code in (*BAD, httpx.codes.NOT_FOUND):
                    return  # it never started, or is gone
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer, "get", "pods/log")
                async for chunk in answer.aiter_bytes(CHUNK):
                    yield chunk
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _path(self, kind: Kind) -> str:
        return f"{GROUPS[kind]}/namespaces/{self._namespace}/{NAMES[kind]}"

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _refusal(self, answer: httpx.Response, verb: str, what: str) -> CannotRun:
        """Tell what it means that the cluster refuses."""
        said, code = _said(answer), answer.status_code
        if answer.is_server_error or code in (*BUSY, httpx.codes.GONE):
            return Away(f"Kubernetes: HTTP {code}: {said}")
        if code == httpx.codes.UNAUTHORIZED:
            return Denied(f"Kubernetes does not know our token: {said}")
        if code == httpx.codes.FORBIDDEN and "quota" not in said:
            right = f"{verb} {'batch/' if what == 'jobs' else ''}{what}"
            return Denied(
                f"the bridge needs the right to {right} in the namespace "
                f"{self._namespace} (see manifests/rbac.yaml): {said}"
            )
        if code in BAD:
            return BadJob(f"Kubernetes refuses the job: {said}")
        return LabError(f"Kubernetes: HTTP {code}: {said}")


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Call until the cluster answers; the job's own time limit ends it.

    Raises `Denied` when the cluster does not let us for a minute on end.
    """
    pause, denied_since = FIRST_PAUSE, 0.0
    while True:
        try:
            return await call()
        except Away as error:
            denied_since = 0.0
            log.warning("waiting for the cluster", reason=str(error))
        except Denied as error:
            denied_since = denied_since or time.monotonic()
            if time.monotonic() - denied_since >= YOUNG:
                raise
            log.warning("waiting for the cluster's rules", reason=str(error))
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _away(error: httpx.HTTPError) -> Away:
    return Away(f"Kubernetes: {type(error).__name__}: {error}")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise Away(f"Kubernetes: no JSON at {answer.request.url.path}") from error
    return body if isinstance(body, dict) else {}


def _read(kind: Kind, told: Any) -> Any:
    try:
        return OBJECTS[kind].validate_python(told)
    except ValidationError as error:
        name = NAMES[kind]
        raise LabError(f"Kubernetes: {name}: not what we know: {error}") from error


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; one without an end is no event."""
    rest = b""
    async for chunk in answer.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > LONGEST_EVENT:
            raise Away("Kubernetes: an event is too large")


def _change(kind: Kind, line: bytes) -> Change:
    try:
        told = json.loads(line)
        what, about = told["type"], told["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Away("Kubernetes: the watch was cut off") from error
    if what == "ERROR":  # such as 410: too old a version
        raise Away(f"Kubernetes: the watch ended: {about.get('message', about)}")
    return Change(what == "DELETED", _read(kind, about))


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        told = answer.reason_phrase
    return " ".join(str(told).split())[:500]
