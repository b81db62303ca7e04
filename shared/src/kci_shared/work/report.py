# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns the outcome of a run into a report to the API; pure."""

from typing import Any

from kci_shared.models import (
    ErrorCode,
    Kind,
    NewNode,
    Node,
    Outcome,
    Report,
    Result,
    ResultTree,
    State,
)
from kci_shared.rules.attempts import inherited
from kci_shared.rules.verdicts import WORST_FIRST, overall
from kci_shared.text import plain
from kci_shared.work.outcome import RunOutcome, TestOutcome

MAX_NAME = 256
"""Characters of a test's name that the API accepts."""
MAX_MESSAGE = 4000


def report_of(
    node: Node, token: int, outcome: RunOutcome, artifacts: dict[str, str]
) -> Report:
    """Return a report: the result, the tests as nodes, URLs of artifacts."""
    return Report(
        token=token,
        outcome=Outcome(
            result=outcome.result,
            state=outcome.state,
            error_code=outcome.error_code,
            error_msg=_line(outcome.error_msg),
        ),
        child_nodes=result_trees(node, outcome.tests, outcome.device),
        artifacts={**outcome.artifacts, **artifacts},
        data=outcome.data,
    )


def result_trees(
    node: Node, tests: list[TestOutcome], device: str | None = None
) -> list[ResultTree]:
    """Return the nodes of a job's tests, each with those below it."""
    facts = inherited(node.data)
    if device is not None:
        facts = {**facts, "device": device}
    return _trees(tests, node.group or node.name, facts, depth=0)


def without_tests(report: Report, reason: str) -> Report:
    """Return a smaller report: tests are what makes one too large, or invalid."""
    refused = refused_report(report.token, reason).outcome
    is_fail = report.outcome.result is Result.FAIL  # without its tests it is one still
    outcome = report.outcome if is_fail else refused
    return report.model_copy(update={"outcome": outcome, "child_nodes": []})


def refused_report(token: int, reason: str) -> Report:
    """Return a report that only says that the API refused the real one."""
    return Report(
        token=token,
        outcome=Outcome(
            result=Result.INCOMPLETE,
            error_code=ErrorCode.BUG,
            error_msg=_line(f"the API refused the report: {reason}"),
        ),
    )


def _trees(
    tests: list[TestOutcome], group: str, facts: dict[str, Any], depth: int
) -> list[ResultTree]:
    """Return the nodes at `depth` with their descendants, in order."""
    families: dict[str, list[TestOutcome]] = {}
    for test in tests:
        if len(test.path) > depth:
            name = plain(test.path[depth])[:MAX_NAME] or "unnamed"
            families.setdefault(name, []).append(test)
    return [
        ResultTree(
            node=_test_node(name, group, facts, _own(family, depth)),
            child_nodes=_trees(family, group, facts, depth + 1),
        )
        for name, family in families.items()
    ]


def _own(family: list[TestOutcome], depth: int) -> TestOutcome:
    """Return the outcome of a node: its own worst, else that of its descendants."""
    own = [test for test in family if len(test.path) == depth + 1]
    if own:
        return min(own, key=lambda test: WORST_FIRST.index(test.result))
    return TestOutcome(
        family[0].path[: depth + 1], overall(member.result for member in family)
    )


def _test_node(
    name: str, group: str, facts: dict[str, Any], test: TestOutcome
) -> NewNode:
    trouble = {"error_code": test.error_code, "error_msg": _line(test.error_msg)}
    fields = {key: value for key, value in trouble.items() if value is not None}
    return NewNode(
        kind=Kind.TEST,
        name=name,
        group=group,
        state=State.DONE,
        result=test.result,
        data={**facts, **test.data, **fields},
    )


def _line(message: str | None) -> str | None:
    """Put a message on one line, cut to a length that the API accepts."""
    if message is None:
        return None
    return plain(" ".join(message.split()))[:MAX_MESSAGE]
