# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare the breaks of a test with its regression nodes; plan the changes; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from kci_regression_tracker.breaks import WINDOW, Break, Past, Sample
from kci_regression_tracker.series import (
    Above,
    RunNode,
    Series,
    described,
    issue_of,
    revision,
)
from kci_shared.models import (
    Kind,
    NewNode,
    Regression,
    Result,
    State,
    Status,
    StatusChange,
)

WHO = "regression-tracker"
MOST_LISTED = 1000
"""How many runs, and trees, a regression lists: the last ones."""
OPEN = {Status.NEW, Status.ACKNOWLEDGED, Status.FIX_PENDING}


@dataclass(frozen=True)
class History:
    """The known history of a series."""

    series: Series
    past: Past
    nodes: Mapping[str, tuple[RunNode, Above]]
    """The runs by their ids, each with the job above."""
    is_whole: bool
    """False if there are older runs that were not read."""

    def breaks(self) -> list[Break]:
        """Return the breaks; a test that never passed is not broken."""
        return [
            one
            for one in self.past.breaks
            if one.passed is not None or not self.is_whole
        ]

    def judged(self) -> frozenset[str]:
        """Return the runs that have enough known history before them."""
        tallies = self.past.tallies
        younger = tallies if self.is_whole else tallies[WINDOW:]
        return frozenset(one.id for tally in younger for one in tally.samples)


@dataclass(frozen=True)
class Change:
    """A change of a regression, to be written on the version that was read."""

    node: Regression
    result: Result
    data: dict[str, Any]


def plan(
    history: History, existing: Sequence[Regression], now: datetime
) -> list[NewNode | Change]:
    """Return the changes that bring the regressions in line with the history.

    A regression belongs to the break with which it shares most failures, and follows
    that break when late results move it.
    """
    judged, number = history.judged(), 1 + max(map(_number, existing), default=0)
    left = sorted(existing, key=lambda node: node.id)
    changes: list[NewNode | Change] = []
    for broken in history.breaks():
        node = _of(broken, left)
        if node is not None:
            left.remove(node)
            changes += _kept(history, broken, node, now)
        elif broken.passed is not None and broken.failed[0].id in judged:
            changes.append(_new(history, broken, number, now))
            number += 1
    for node in left:
        if history.is_whole or node.data.fail_node in judged:
            changes += _change(node, Result.INCOMPLETE, {}, Status.WITHDRAWN, now)
    return changes


def _number(node: Regression) -> int:
    """Return the number of a regression in its series."""
    found = re.search(r"/(\d{1,9})$", node.idempotency_key or "")
    return int(found[1]) if found else 0


def _of(broken: Break, existing: Iterable[Regression]) -> Regression | None:
    """Return the regression that shares most failures with a break."""
    failed = {run.id for run in broken.failed}
    shared = {node.id: len(failed & set(failures(node))) for node in existing}
    best = max(existing, key=lambda node: shared[node.id], default=None)
    return best if best and shared[best.id] else None


def failures(node: Regression) -> list[str]:
    """Return the runs that failed, the first one first."""
    return [node.data.fail_node, *node.data.node_sequence]


def _new(history: History, broken: Break, number: int, now: datetime) -> NewNode:
    """Return the next regression of a series.

    Its number is part of its key: if two replicas create different regressions at the
    same time, one of them is refused, and starts again.
    """
    first = history.nodes[broken.failed[0].id][0]
    data = _facts(history, broken)
    result, status = Result.FAIL, Status.NEW
    if broken.fixed is not None:
        result, status = Result.PASS, Status.FIXED
        data["history"] = [_entry(Status.NEW, status, data, now)]
    fields = {key: value for key, value in data.items() if value is not None}
    return NewNode(
        kind=Kind.REGRESSION,
        name=first.name,
        group=first.group,
        treeid=first.treeid,
        state=State.DONE,
        result=result,
        data={**fields, "status": status},
        idempotency_key=f"regression/{history.series.key}/{number}",
    )


def _kept(
    history: History, broken: Break, node: Regression, now: datetime
) -> list[Change]:
    """Return the change that brings a regression up to date, if any."""
    if broken.passed is None:  # it began before the known history
        data = _end(history, broken) | _longer(broken, node)
    else:
        data = _facts(history, broken)
    result = Result.FAIL if broken.fixed is None else Result.PASS
    return _change(node, result, data, _status(node, broken), now)


def _status(node: Regression, broken: Break) -> Status:
    """Return the status by the results; what people have set stays otherwise."""
    old = node.data.status
    if broken.fixed is None:
        return _before(node, old) if old in (Status.FIXED, Status.WITHDRAWN) else old
    is_news = node.result is not Result.PASS
    return Status.FIXED if is_news and old in {*OPEN, Status.WITHDRAWN} else old


def _before(node: Regression, status: Status) -> Status:
    """Return the status that people had set before the tests set this one."""
    earlier = [e.old for e in node.data.history if e.new is status]
    by_people = [old for old in earlier if old not in (Status.FIXED, Status.WITHDRAWN)]
    return by_people[-1] if by_people else Status.NEW


def _change(
    node: Regression,
    result: Result,
    data: dict[str, Any],
    status: Status,
    now: datetime,
) -> list[Change]:
    current = node.data.model_dump(mode="json", exclude_unset=True)
    changed = {key: value for key, value in data.items() if current.get(key) != value}
    if status is not node.data.status:
        entry = _entry(node.data.status, status, data, now)
        changed["status"] = status
        changed["history"] = [*current.get("history", []), entry]
    if result is node.result and not changed:
        return []
    return [Change(node, result, changed)]


def _entry(
    old: Status, new: Status, data: dict[str, Any], now: datetime
) -> dict[str, Any]:
    entry = StatusChange(
        at=now.isoformat(timespec="milliseconds"),
        who=WHO,
        old=old,
        new=new,
        reason=_reason(new, data),
    )
    return entry.model_dump(mode="json", exclude_none=True)


def _reason(new: Status, data: dict[str, Any]) -> str:
    match new:
        case Status.FIXED:
            fixed = data["fixed_kernel_revision"]
            return f"passes in {fixed.get('describe') or fixed['commit']}"
        case Status.WITHDRAWN:
            return "the results, as known by now, don't show it"
        case Status.NEW | Status.ACKNOWLEDGED | Status.FIX_PENDING | Status.CLOSED:
            return "it goes on failing"
        case _:
            assert_never(new)


def _facts(history: History, broken: Break) -> dict[str, Any]:
    """Return the fields of a regression for a break; unknown ones are None."""
    assert broken.passed is not None
    first, above = history.nodes[broken.failed[0].id]
    return {
        "fail_node": first.id,
        "pass_node": broken.passed.id,
        "kernel_revision": _revision(history, broken.failed[0]),
        "failed_kernel_revision": _revision(history, broken.failed[0]),
        "passed_kernel_revision": _revision(history, broken.passed),
        **described(first),
        "issue": issue_of(first, above),
        "node_sequence": [run.id for run in broken.failed[1:]][-MOST_LISTED:],
        "failed_in": _trees(broken)[-MOST_LISTED:],
        "tag_node": broken.tag and broken.tag.id,
        "tag_result": broken.tag and (Result.FAIL, Result.PASS)[broken.tag.passed],
        "tag_kernel_revision": _revision(history, broken.tag),
        **_end(history, broken),
    }


def _end(history: History, broken: Break) -> dict[str, Any]:
    fixed = broken.fixed
    return {
        "fixed_node": fixed and fixed.id,
        "fixed_in": fixed and fixed.treeid,
        "fixed_kernel_revision": _revision(history, fixed),
    }


def _longer(broken: Break, node: Regression) -> dict[str, Any]:
    """Return the lists of a regression, extended by a break."""
    runs = [run.id for run in broken.failed if run.id != node.data.fail_node]
    return {
        "node_sequence": _joined(node.data.node_sequence, runs),
        "failed_in": _joined(node.data.failed_in, _trees(broken)),
    }


def _joined(*lists: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(one for many in lists for one in many))[-MOST_LISTED:]


def _trees(broken: Break) -> list[str]:
    return _joined([run.treeid for run in broken.failed])


def _revision(history: History, run: Sample | None) -> dict[str, Any] | None:
    if run is None:
        return None
    at = revision(history.nodes[run.id][0])
    return at.model_dump(mode="json", exclude_unset=True)
