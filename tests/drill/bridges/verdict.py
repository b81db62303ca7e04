# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must be true of the jobs after a drill of a bridge."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

SHOWN = 5
"""How many examples of a fault are printed."""
LOST = {"result": "incomplete", "attempts": 3}
"""Fields of a job whose bridge was killed in each of its attempts."""


@dataclass(frozen=True)
class Outcome:
    """The state of all jobs afterwards, in the API's store and in the lab."""

    job_ids: list[str]
    """The nodes of the jobs that were created."""
    nodes: list[dict[str, Any]]
    history: list[dict[str, Any]]
    runs: Counter[str]
    """How often each job was started in the lab."""
    leftovers: list[str]
    runs_anew: bool
    """Whether the lab starts a job again in each of its attempts."""

    @property
    def lost(self) -> set[str]:
        """The jobs whose bridge was killed in each attempt."""
        return {
            str(node["_id"])
            for node in self.nodes
            if node["kind"] == "job" and LOST.items() <= node.items()
        }


def faults(outcome: Outcome) -> Iterator[str]:
    """Return a message for each fault."""
    jobs = {str(n["_id"]): n for n in outcome.nodes if n["kind"] == "job"}
    yield from _some("jobs that are lost", set(outcome.job_ids) - set(jobs))
    yield from _some("unknown jobs", set(jobs) - set(outcome.job_ids))
    yield from _some("not done", [j for j in jobs if jobs[j]["state"] != "done"])
    not_passed = {j for j in jobs if jobs[j]["result"] != "pass"} - outcome.lost
    yield from _some("without a pass", [f"{j} ({_why(jobs[j])})" for j in not_passed])
    yield from _some("still claimed", [j for j in jobs if jobs[j].get("claim")])
    changes = [event["event"]["data"] for event in outcome.history]
    ends = Counter(
        str(data["id"])
        for data in changes
        if data["state"] == "done" != data.get("previous_state")
    )
    wrong = [f"{job} ({ends[job]} times)" for job in jobs if ends[job] != 1]
    yield from _some("not ended once", wrong)
    yield from _run_faults(outcome, jobs)
    yield from _test_faults(outcome)
    yield from _some("left in the lab", outcome.leftovers)


def _run_faults(outcome: Outcome, jobs: dict[str, Any]) -> Iterator[str]:
    runs = outcome.runs
    yield from _some("started, but unknown", set(runs) - set(jobs))
    yield from _some("never started", set(jobs) - set(runs) - outcome.lost)
    anew = outcome.runs_anew
    often = [j for j in jobs if runs[j] > (jobs[j]["attempts"] if anew else 1)]
    yield from _some("started too often", often)


def _test_faults(outcome: Outcome) -> Iterator[str]:
    tests = [node for node in outcome.nodes if node["kind"] == "test"]
    places = Counter((str(t["parent"]), "/".join(t["path"])) for t in tests)
    twice = [f"{p} {path}" for (p, path), count in places.items() if count > 1]
    yield from _some("duplicate tests", twice)
    reported = {parent for parent, _ in places}
    without = set(outcome.job_ids) - outcome.lost - reported
    yield from _some("jobs without their test", without)


def _why(job: dict[str, Any]) -> str:
    return f"{job['result']}: {job['data'].get('error_msg')}"


def _some(what: str, which: Iterable[str]) -> Iterator[str]:
    names = sorted(which)
    if names:
        yield f"{len(names)} {what}: {', '.join(names[:SHOWN])}"
