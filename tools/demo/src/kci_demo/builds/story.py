# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two pushes: one that works, and one that does not compile."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from kci_demo.builds.configuration import BUILD
from kci_demo.evidence import Collector, Evidence
from kci_demo.expectations import Expectation, unmet
from kci_demo.outside import Submission
from kci_demo.story import NotAsExpected
from kci_demo.timeline import Timeline
from kci_fakes.repository import Repository
from kci_shared.client import ApiClient
from kci_shared.models import Checkout, Finding, Kbuild, Kind, Node, Result, State
from kci_shared.rules.artifacts import BUILD_LOG, CONFIG, KERNEL, TARBALL

TIMEOUT_S = 3600.0
"""How long a kernel may take from the push to its report."""
LOOK_S = 1.5
"""How long to wait before looking again: the machine is busy compiling."""
MAIL_TIMEOUT_S = 60.0
"""How long the mail may take after all builds and jobs have ended."""
BROKEN_FILE = "init/main.c"
BREAK = "\nint broken(void)\n{\n\treturn 0\n}\n"


def _checkout(evidence: Evidence) -> Node:
    return evidence.node(evidence.submission.checkout_id)


def builds(evidence: Evidence) -> list[Kbuild]:
    """Return all attempts at the build."""
    return [node for node in evidence.nodes if isinstance(node, Kbuild)]


def _findings(evidence: Evidence) -> list[Finding]:
    return [one for build in builds(evidence) for one in build.data.findings or []]


def _has_artifacts(evidence: Evidence) -> bool:
    names = {KERNEL, CONFIG, BUILD_LOG, "metadata"}
    return all(names <= build.artifacts.keys() for build in builds(evidence))


def _is_described(evidence: Evidence) -> bool:
    revision = _checkout(evidence).data.kernel_revision
    return bool(revision and revision.describe and revision.version)


def _finding_names_the_line(evidence: Evidence) -> bool:
    places = [found.location or "" for found in _findings(evidence)]
    return any(place.startswith(f"{BROKEN_FILE}:") for place in places)


def _mail_names_the_line(evidence: Evidence) -> bool:
    bodies = [str(mail.get_content()) for mail in evidence.mails.values()]
    return len(bodies) == 1 and f"{BROKEN_FILE}:" in bodies[0]


CLOSED: Expectation = (
    "the checkout is closed",
    lambda e: _checkout(e).state is State.DONE,
)
GOOD: list[Expectation] = [
    ("the checkout has its sources", lambda e: TARBALL in _checkout(e).artifacts),
    ("the commit is described", _is_described),
    ("it builds", lambda e: [b.result for b in builds(e)] == [Result.PASS]),
    ("the build left a kernel, its log, its facts", _has_artifacts),
    ("it boots", lambda e: e.last("boot") is Result.PASS),
    ("it says hello", lambda e: [t.name for t in e.tests()] == ["hello"]),
    ("no job is tried twice", lambda e: len(e.jobs()) == 1),
    ("one mail reports the first results", lambda e: len(e.mails) == 1),
    CLOSED,
]
BROKEN: list[Expectation] = [
    ("the build fails", lambda e: [b.result for b in builds(e)] == [Result.FAIL]),
    ("a finding names file and line", _finding_names_the_line),
    ("nothing is booted", lambda e: not e.jobs()),
    ("there is one regression", lambda e: len(e.regressions) == 1),
    ("one mail names file and line", _mail_names_the_line),
    CLOSED,
]


@dataclass(frozen=True)
class BuildStory:
    """A developer who pushes, and the means to see what comes of it."""

    repository: Repository
    branch: str
    api: ApiClient
    collector: Collector
    timeline: Timeline

    async def play(self) -> list[Evidence]:
        """Push twice; raise `NotAsExpected` unless all is as expected."""
        return [
            await self._chapter(
                "a push that works", "init: a change", self._work, GOOD
            ),
            await self._chapter(
                "a push that does not compile", "init: broken", self._break, BROKEN
            ),
        ]

    def _push(self, subject: str) -> str:
        return self.repository.push(subject, self.branch)

    def _work(self) -> None:
        self.repository.write("init/.stamp", f"{time.time_ns()}\n")

    def _break(self) -> None:
        path = self.repository.folder / BROKEN_FILE
        path.write_text(path.read_text() + BREAK)

    async def _chapter(
        self,
        title: str,
        subject: str,
        change: Callable[[], None],
        expected: list[Expectation],
    ) -> Evidence:
        async with self.timeline.step(title):
            change()
            commit = await asyncio.to_thread(self._push, subject)
            self.timeline.say(f"pushed {commit[:12]}; all that follows is automatic")
            return await self._until(commit, expected)

    async def _until(self, commit: str, expected: list[Expectation]) -> Evidence:
        begin = time.monotonic()
        deadline, missing = begin + TIMEOUT_S, ["the push is seen"]
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_S)
            if (submission := await self._seen(commit)) is None:
                continue
            evidence = await self.collector.collect(submission)
            if not (missing := unmet(expected, evidence)):
                return evidence
            if not unmet([CLOSED], evidence):  # little more is to come
                deadline = min(deadline, time.monotonic() + MAIL_TIMEOUT_S)
        raise NotAsExpected(
            f"not met after {time.monotonic() - begin:.0f} s: {missing}"
        )

    async def _seen(self, commit: str) -> Submission | None:
        of_commit = {"data.kernel_revision.commit": commit}
        nodes = await self.api.find(
            **of_commit, kind__in=f"{Kind.CHECKOUT},{Kind.KBUILD}"
        )
        checkout = next((node for node in nodes if isinstance(node, Checkout)), None)
        build = next((node for node in nodes if node.name == BUILD), None)
        if checkout is None or build is None:
            return None
        assert checkout.data.kernel_revision is not None
        return Submission(checkout.data.kernel_revision, checkout.id, build.id)
