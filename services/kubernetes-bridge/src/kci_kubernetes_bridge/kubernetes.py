# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of a Kubernetes API server: Jobs, pods and logs of one namespace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx

from kci_kubernetes_bridge.access import Access
from kci_kubernetes_bridge.answers import (
    Change,
    K,
    Page,
    body_of,
    lines_of,
    message_of,
    read_change,
    read_object,
    read_page,
)
from kci_kubernetes_bridge.objects import Job, Pod, Watched
from kci_kubernetes_bridge.refusals import INVALID, Away, Right, judge, refusal
from kci_shared.channels import About, ChannelClient
from kci_shared.work import CannotRun

PAGE_OBJECTS = 100
WATCH_S = 120
"""How long one watch lasts; then all is listed again, in case something was missed."""
SILENCE_S = 30.0
"""How much later than asked a watch may end before it counts as dead."""
CHUNK_BYTES = 1 << 16


class Kubernetes:
    """One namespace of a cluster.

    Each call may raise `CannotRun`, such as `Away`, and `ChannelDown`.
    """

    def __init__(self, http: httpx.AsyncClient, namespace: str) -> None:
        self._http = http
        self._namespace = namespace

    @classmethod
    @asynccontextmanager
    async def connect(cls, access: Access) -> AsyncIterator[Self]:
        """Open the cluster."""
        http = ChannelClient(
            About("kubernetes", url="the kubeconfig", credentials="the kubeconfig"),
            ("GET", f"{Job.api}/namespaces/{access.namespace}/{Job.plural}?limit=1"),
            judge=judge,
            base_url=f"{access.url.rstrip('/')}/",
            verify=access.tls,
            auth=access.auth,
            timeout=httpx.Timeout(30, connect=10),
            trust_env=False,  # no proxy and no .netrc of the environment
        )
        async with http, http.channel.opened():
            yield cls(http, access.namespace)

    async def create(self, body: dict[str, Any]) -> bool:
        """Create a Job; False if one of that name exists."""
        answer = await self._send("POST", self._path(Job), json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        if not answer.is_success:
            raise self._refusal(answer, "create", Job.resource)
        return True

    async def job(self, name: str) -> Job | None:
        """Return the Job of that name, if it exists."""
        answer = await self._send("GET", f"{self._path(Job)}/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise self._refusal(answer, "get", Job.resource)
        return read_object(Job, body_of(answer))

    async def delete(self, name: str) -> None:
        """Delete a Job with its pods; no error if it is gone."""
        path = f"{self._path(Job)}/{name}"
        query = {"propagationPolicy": "Background"}  # the default may leave the pods
        answer = await self._send("DELETE", path, params=query)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise self._refusal(answer, "delete", Job.resource)

    async def list(self, kind: type[K], **query: str | int) -> Page[K]:
        """Return the first page of a list, or the page that `continue` names."""
        params = {"limit": PAGE_OBJECTS, **query}
        answer = await self._send("GET", self._path(kind), params=params)
        if not answer.is_success:
            raise self._refusal(answer, "list", kind.resource)
        return read_page(kind, body_of(answer))

    async def watch(
        self, kind: type[K], selector: str, version: str
    ) -> AsyncIterator[Change[K]]:
        """Yield the changes after a version, for `WATCH_S`."""
        query: dict[str, str | int] = {
            "watch": "true",
            "labelSelector": selector,
            "resourceVersion": version,
            "timeoutSeconds": WATCH_S,
        }
        path, limit = self._path(kind), httpx.Timeout(30, read=WATCH_S + SILENCE_S)
        try:
            async with self._http.stream(
                "GET", path, params=query, timeout=limit
            ) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer, "watch", kind.resource)
                async for line in lines_of(answer):
                    yield read_change(kind, line)
        except httpx.HTTPError as error:
            raise _away(error) from error

    async def log(self, pod: str, container: str) -> AsyncIterator[bytes]:
        """Yield the log of a pod's container; nothing if it has none."""
        path, query = f"{self._path(Pod)}/{pod}/log", {"container": container}
        try:
            async with self._http.stream("GET", path, params=query) as answer:
                if answer.status_code in (*INVALID, httpx.codes.NOT_FOUND):
                    return  # it never started, or is gone
                if not answer.is_success:
                    await answer.aread()
                    raise self._refusal(answer, "get", "pods/log")
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    yield chunk
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _path(self, kind: type[Watched]) -> str:
        return f"{kind.api}/namespaces/{self._namespace}/{kind.plural}"

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _refusal(self, answer: httpx.Response, verb: str, resource: str) -> CannotRun:
        right = Right(verb, resource, self._namespace)
        return refusal(answer.status_code, message_of(answer), right)


def _away(error: httpx.HTTPError) -> Away:
    return Away(f"Kubernetes: {type(error).__name__}: {error}")
