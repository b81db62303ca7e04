# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold of the jobs when all is over."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MANY = 5
LOST = {"result": "incomplete", "attempts": 3}
"""How a job ends whose bridge died in each of its attempts: it has a result, too."""


@dataclass(frozen=True)
class Outcome:
    """All that is left of the jobs, in the store and in the lab."""

    wanted: list[str]
    """The nodes of the jobs that were posted."""
    nodes: list[dict[str, Any]]
    history: list[dict[str, Any]]
    runs: Counter[str]
    """How often each job began in the lab."""
    leftovers: list[str]
    runs_anew: bool
    """Whether the lab runs a job anew in each of its attempts."""

    @property
    def lost(self) -> set[str]:
        """The jobs whose bridge died in each attempt that a job has."""
        return {
            str(node["_id"])
            for node in self.nodes
            if node["kind"] == "job" and LOST.items() <= node.items()
        }


def faults(outcome: Outcome) -> Iterator[str]:
    """Say all that is wrong."""
    jobs = {str(n["_id"]): n for n in outcome.nodes if n["kind"] == "job"}
    yield from _some("jobs that are lost", set(outcome.wanted) - set(jobs))
    yield from _some("jobs that nobody posted", set(jobs) - set(outcome.wanted))
    yield from _some("not done", [j for j in jobs if jobs[j]["state"] != "done"])
    spoilt = {j for j in jobs if jobs[j]["result"] != "pass"} - outcome.lost
    yield from _some("spoilt", [f"{j} ({_why(jobs[j])})" for j in spoilt])
    yield from _some("still claimed", [j for j in jobs if jobs[j].get("claim")])
    told = [event["event"]["data"] for event in outcome.history]
    ends = Counter(
        str(data["id"])
        for data in told
        if data["state"] == "done" != data.get("previous_state")
    )
    wrong = [f"{job} ({ends[job]} times)" for job in jobs if ends[job] != 1]
    yield from _some("not ended once", wrong)
    yield from _run_faults(outcome, jobs)
    yield from _test_faults(outcome)
    yield from _some("left in the lab", outcome.leftovers)


def _run_faults(outcome: Outcome, jobs: dict[str, Any]) -> Iterator[str]:
    runs = outcome.runs
    yield from _some("run, but not ours", set(runs) - set(jobs))
    yield from _some("never run", set(jobs) - set(runs) - outcome.lost)
    anew = outcome.runs_anew
    often = [j for j in jobs if runs[j] > (jobs[j]["attempts"] if anew else 1)]
    yield from _some("run too often", often)


def _test_faults(outcome: Outcome) -> Iterator[str]:
    tests = [node for node in outcome.nodes if node["kind"] == "test"]
    places = Counter((str(t["parent"]), "/".join(t["path"])) for t in tests)
    twice = [f"{p} {path}" for (p, path), count in places.items() if count > 1]
    yield from _some("tests that are there twice", twice)
    reported = {parent for parent, _ in places}
    without = set(outcome.wanted) - outcome.lost - reported
    yield from _some("jobs without their test", without)


def _why(job: dict[str, Any]) -> str:
    return f"{job['result']}: {job['data'].get('error_msg')}"


def _some(what: str, which: Iterable[str]) -> Iterator[str]:
    found = sorted(which)
    if found:
        yield f"{len(found)} {what}: {', '.join(found[:MANY])}"
