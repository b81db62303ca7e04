# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service: reads the log of each node that is done, and writes what it shows.

The test results in a log become nodes if nobody reported the job's tests; else their
lines are not even read.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Protocol

from kci_log_parser.result_nodes import ResultNodes
from kci_log_parser.rules import LogFacts, correction, waits_for_log
from kci_log_parser.scanner import LogScanner
from kci_shared.errors import Conflict, NotStored, NotYet
from kci_shared.events.unmarked import recent
from kci_shared.logging import get_logger
from kci_shared.models import Event, Finding, Kbuild, Kind, Node, Result, State
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import LOGS, log_url
from kci_shared.rules.builds import build_failure
from kci_shared.rules.results import ResultReader

log = get_logger(__name__)

ATTEMPTS = 5
"""How often a node may change while its log is read, before the event is retried."""


class Logs(Protocol):
    """Where logs are stored."""

    def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        """Yield a log in chunks."""


class LogParser:
    """Writes `data.findings` on each build and job, and corrects its result."""

    def __init__(self, api: Nodes, logs: Logs, max_bytes: int) -> None:
        self._api = api
        self._results = ResultNodes(api)
        self._logs = logs
        self._max_bytes = max_bytes

    async def on_event(self, event: Event) -> None:
        """Parse the log of a node that is done, unless it was parsed before."""
        if event.data.state is not State.DONE:
            return
        node = await self._api.get(event.node_id)
        if node is None or not waits_for_log(node):
            return
        url = log_url(node)
        assert url is not None
        results = await self._results.reader_for(node)
        facts = await self._read(url, results)
        if results is not None:
            node = await self._results.store(node, results)
        await self._note(node, facts)
        log.info("log parsed", findings=len(facts.findings), error=facts.error)

    async def unread(self) -> AsyncIterator[Node]:
        """Yield the builds and jobs that are done, and whose log was not read."""
        for kind in (Kind.KBUILD, Kind.JOB):
            for name in LOGS:
                mark = {f"artifacts.{name}__ne": "null", "data.findings": "null"}
                now = datetime.now(UTC)
                async for node in recent(self._api, now, kind, State.DONE, **mark):
                    yield node

    async def _read(self, url: str, results: ResultReader | None) -> LogFacts:
        """Read a log; one that does not exist shows nothing."""
        scanner = LogScanner(results)
        left = self._max_bytes
        try:
            async with aclosing(self._logs.stream(url)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(scanner.feed, chunk[:left])
                    left -= len(chunk)
                    if left < 0:
                        break
        except NotStored as error:
            return LogFacts([], error=str(error))
        findings = await asyncio.to_thread(scanner.finish)
        for finding in [*findings, *scanner.warnings]:
            finding.url = f"{url}#L{finding.line}"
        cut = f"only its first {self._max_bytes} bytes were read" if left < 0 else None
        return LogFacts(findings, scanner.warnings, scanner.banner, scanner.boot, cut)

    async def _note(self, node: Node, facts: LogFacts) -> None:
        """Write the facts to the version of the node by which they were judged."""
        for _ in range(ATTEMPTS):
            try:
                await self._api.update(
                    node.id, if_version=node.version, **_changes(node, facts)
                )
            except Conflict:
                now = await self._api.get(node.id)
                if now is None or not waits_for_log(now):
                    return
                node = now
            else:
                return
        raise NotYet(f"node {node.id} changes faster than its log can be noted")


def _changes(node: Node, facts: LogFacts) -> dict[str, Any]:
    """Return what is to be changed on a node."""
    data: dict[str, Any] = {"findings": [_dump(finding) for finding in facts.findings]}
    if facts.warnings:
        data["warnings"] = [_dump(finding) for finding in facts.warnings]
    if facts.error is not None:
        data["log_error"] = facts.error
    if isinstance(node, Kbuild) and node.result is Result.FAIL:
        data["error_msg"] = build_failure(facts.findings, node.data.error_msg)
    verdict = correction(node, facts)
    if verdict is None:
        return {"data": data}
    data["error_code"] = verdict.error_code.value
    data["error_msg"] = verdict.error_msg
    return {"result": verdict.result.value, "data": data}


def _dump(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(mode="json", exclude_none=True)
