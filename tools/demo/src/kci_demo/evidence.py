# SPDX-License-Identifier: LGPL-2.1-or-later
"""What came of a revision: nodes, mails, rows at KCIDB."""

import asyncio
import email
import email.policy
import json
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from kci_demo.outside import Submission
from kci_local.site import Site
from kci_shared.client import ApiClient
from kci_shared.models import Finding, Job, Kind, Node, Regression, Result, Test

Rows = dict[str, dict[str, dict[str, Any]]]
"""KCIDB objects by kind (`tests`, `issues`, ...) and id."""


@dataclass(frozen=True)
class Evidence:
    """All that people can see of one revision."""

    submission: Submission
    nodes: list[Node]
    regressions: list[Regression]
    mails: dict[Path, EmailMessage]
    submissions: list[Path]
    rows: Rows

    def node(self, node_id: str) -> Node:
        """Return a node of the revision."""
        return next(node for node in self.nodes if node.id == node_id)

    def jobs(self, name: str | None = None) -> list[Job]:
        """Return the jobs of a name, or all, in the order of their attempts."""
        jobs = [node for node in self.nodes if isinstance(node, Job)]
        return [job for job in jobs if name in (None, job.name)]

    def tests(self) -> list[Test]:
        """Return the tests of all jobs."""
        return [node for node in self.nodes if isinstance(node, Test)]

    def findings(self) -> list[Finding]:
        """Return the findings of the log parser."""
        return [found for job in self.jobs() for found in job.data.findings or []]

    def last(self, name: str) -> Result | None:
        """Return the result of a job's latest attempt."""
        jobs = self.jobs(name)
        return jobs[-1].result if jobs else None


class Collector:
    """Looks in the API, the mails and KCIDB's archive, as a person would."""

    def __init__(self, site: Site, api: ApiClient) -> None:
        self._site = site
        self._api = api

    async def collect(self, submission: Submission) -> Evidence:
        """Collect what exists now."""
        nodes = await self._api.find(treeid=submission.checkout_id)
        ids = {node.id for node in nodes}
        regressions = [
            node
            for node in await self._api.find(kind=Kind.REGRESSION.value)
            if isinstance(node, Regression) and node.data.fail_node in ids
        ]
        commit = submission.revision.commit
        mails = await asyncio.to_thread(_mails, self._site.mails, commit)
        files, rows = await asyncio.to_thread(
            _submissions, self._site.kcidb / "archive", submission.checkout_id, ids
        )
        return Evidence(submission, nodes, regressions, mails, files, rows)


def _mails(maildir: Path, commit: str) -> dict[Path, EmailMessage]:
    mails: dict[Path, EmailMessage] = {}
    for path in sorted((maildir / "new").glob("*")):
        message = email.message_from_bytes(
            path.read_bytes(), policy=email.policy.default
        )
        if message["X-Kernelci-Commit"] == commit:
            mails[path] = message
    return mails


def _submissions(
    folder: Path, checkout_id: str, ids: set[str]
) -> tuple[list[Path], Rows]:
    files: list[Path] = []
    rows: Rows = {}
    for path in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime):
        report = json.loads(path.read_text())
        named = {row["id"].partition(":")[2] for row in report.get("checkouts", [])}
        if checkout_id not in named and not named & ids:
            continue
        files.append(path)
        for kind in ("checkouts", "builds", "tests", "issues", "incidents"):
            for row in report.get(kind, []):
                earlier = rows.setdefault(kind, {}).setdefault(row["id"], row)
                # KCIDB keeps the first value of a field, and adds later fields
                rows[kind][row["id"]] = {**row, **earlier}
    return files, rows
