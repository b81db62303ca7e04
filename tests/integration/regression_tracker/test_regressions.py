# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two replicas of the tracker, which get killed, with a real API and its stores."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from integration.conftest import OwnApi, Program, Programs
from kci_shared.client import ApiClient
from kci_shared.models import Move, NewNode, Node, Regression
from kci_shared.settings import ClientSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PATIENCE_S = 90
FAULT = {"kind": "oops", "severity": "fault", "headline": "Oops", "line": 7}
STORIES = {  # of each platform: how its boots end, by revision
    "steady": "PPPPPPPP",
    "broken": "PPFFFPPP",
    "twice": "PFFPPFFF",
    "lab-down": "PIIIPIIP",
    "flaky": "PfPPfPfP",
    "really-broken": "PPPfffPP",
}
"""F: it fails, and its log shows a fault; f: it just fails; I: incomplete."""
TOLD = [
    ("broken", "2", "5", 3, "fixed"),
    ("really-broken", "3", "6", 3, "fixed"),
    ("twice", "1", "3", 2, "fixed"),
    ("twice", "5", None, 3, "new"),
]
"""Platform, first bad and first good revision again, number of failures, status."""


class Branch:
    """Revisions of a branch, and the runs that a lab reports of them."""

    def __init__(self, api: ApiClient, trackers: list[Program]) -> None:
        self.api = api
        self.trackers = trackers
        self._checkouts: list[Node] = []

    async def check_out(self, commits: int) -> None:
        for number in range(len(self._checkouts), len(self._checkouts) + commits):
            revision = {"tree": "mainline", "url": "https://git.example.org/linux.git"}
            revision |= {"branch": "master", "commit": str(number)}
            body = {"kind": "checkout", "name": "checkout", "state": "available"}
            new = {**body, "data": {"kernel_revision": revision}}
            self._checkouts.append(await self._create(new))

    async def report(self, platform: str, number: int, letter: str) -> Node:
        """Report how a boot of a revision ended."""
        fault = {**FAULT, "signature": f"oops-{platform}"}
        words = {"P": "pass", "F": "fail", "f": "fail", "I": "incomplete"}
        body: dict[str, Any] = {"kind": "job", "name": "boot", "state": "done"}
        findings = [fault] if letter == "F" else []
        body["data"] = {"platform": platform, "arch": "arm64", "findings": findings}
        parent = self._checkouts[number].id
        return await self._create({**body, "result": words[letter], "parent": parent})

    async def _create(self, body: dict[str, Any]) -> Node:
        return await self.api.create(NewNode.model_validate(body))

    async def regressions(self) -> list[Regression]:
        found = await self.api.find(kind="regression")
        live = [node for node in found if isinstance(node, Regression)]
        return [node for node in live if node.data.status != "withdrawn"]

    async def rows(self) -> list[tuple[Any, ...]]:
        rows = []
        for node in await self.regressions():
            data = node.data
            assert data.failed_kernel_revision is not None
            fixed = data.fixed_kernel_revision
            first = data.failed_kernel_revision.commit
            end = fixed.commit if fixed else None
            number = 1 + len(data.node_sequence)
            rows.append((data.platform, first, end, number, data.status))
        return sorted(rows, key=lambda row: row[:2])

    async def until(self, expected: list[tuple[Any, ...]]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while await self.rows() != expected:
                    await asyncio.sleep(0.3)
        except TimeoutError:
            assert await self.rows() == expected


@pytest.fixture
async def branch(own_api: OwnApi, programs: Programs) -> AsyncIterator[Branch]:
    token = await own_api.token("tracker", "nodes:write")
    environment = {
        "KCI_API_URL": own_api.url,
        "KCI_TOKEN_FILE": str(token),
        "KCI_REDIS_URL": own_api.settings["KCI_REDIS_URL"],
    }
    trackers = [programs("kci-regression-tracker", environment) for _ in range(2)]
    settings = ClientSettings(api_url=own_api.url, token_file=token)
    async with ApiClient.connect(settings) as api:
        yield Branch(api, trackers)


async def test_a_break_is_told_once_and_ends_whatever_is_killed_and_comes_late(
    branch: Branch,
) -> None:
    dice = random.Random(6)  # noqa: S311 - no secret
    for tracker in branch.trackers:
        await tracker.start()
    await branch.check_out(8)
    runs = [(name, n, end) for name in STORIES for n, end in enumerate(STORIES[name])]
    dice.shuffle(runs)
    for number, run in enumerate(runs):
        await branch.report(*run)
        if number % 8 == 7:  # while it has something in hand
            victim = dice.choice(branch.trackers)
            await victim.kill()
            await victim.start()
    await branch.until(TOLD)
    [open_one] = [n for n in await branch.regressions() if n.result == "fail"]
    issue = {"kind": "regression", "data.issue": "oops-twice"}
    assert len(await branch.api.find(**issue)) == 2

    await branch.api.set_status(
        open_one.id, Move(status="fix-pending", fix="1f2e3d4c5d6a")
    )
    await branch.check_out(1)
    end = await branch.report("twice", 8, "P")
    await branch.until([*TOLD[:3], ("twice", "5", "8", 3, "fixed")])
    fixed = {"kind": "regression", "data.fixed_in": end.treeid}
    [node] = await branch.api.find(**fixed)
    assert isinstance(node, Regression)
    changes = [(entry.who, entry.old, entry.new) for entry in node.data.history]
    assert changes == [
        ("tracker", "new", "fix-pending"),
        ("regression-tracker", "fix-pending", "fixed"),
    ]
