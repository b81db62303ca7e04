# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on the first results of a branch: what fails, what passes, what ran."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kci_email_reporter.labels import (
    ReportType,
    branch_name,
    headline,
    revision_headers,
)
from kci_email_reporter.mail import (
    SUBJECT_COLUMNS,
    Letterhead,
    Mail,
    dedup_key,
    message_id,
    short_id,
)
from kci_email_reporter.runs import Run, amount, find_runs, passed_titles
from kci_email_reporter.template_engine import render
from kci_email_reporter.text import clip, inline
from kci_shared.models import Checkout, Node, Result

FAILED_MAX = 20
"""How many failures a mail lists."""
PASSED_MAX = 40
"""How many passing builds, boots and groups of tests a mail lists."""

Counts = Counter[tuple[ReportType, Result | None]]
"""Number of runs by type and verdict."""


def summary_mail(
    checkout: Checkout, nodes: Sequence[Node], head: Letterhead
) -> Mail | None:
    """Return the mail on a revision's results; None if no run has a verdict."""
    runs = find_runs(nodes)
    counts: Counts = Counter((run.type, run.verdict) for run in runs)
    revision = checkout.data.kernel_revision
    if revision is None or all(verdict is None for _, verdict in counts):
        return None
    key = dedup_key("tree", revision.tree, revision.branch, revision.commit, "first")
    title = f"{branch_name(revision)} {inline(revision.short)}"
    report_id = short_id("t", checkout.id)
    headers = {"Report-Type": "summary", **revision_headers(revision)}
    return Mail(
        key=key,
        message_id=message_id("tree", key, head.domain),
        report_id=report_id,
        letterhead=head,
        date=checkout.updated,
        subject=head.subject_prefix + _subject(title, counts),
        filter_headers={**headers, "Report-Id": report_id},
        body=render(
            "summary.txt.j2",
            title=title,
            link=head.link(checkout.id),
            revision=revision,
            contact=head.contact,
            **_results(counts),
            **_lists(runs, head),
        ),
    )


def _subject(title: str, counts: Counts) -> str:
    failed, passed = (
        sum(counts[type_, result] for type_ in ReportType)
        for result in (Result.FAIL, Result.PASS)
    )
    text = f"[kci] {title}: first results: {failed} fail, {passed} pass"
    return clip(text, SUBJECT_COLUMNS)


def _results(counts: Counts) -> dict[str, Any]:
    return {
        "verdict": _verdict(counts),
        "without_verdict": _amounts(counts, None),
        "coverage": [_coverage(type_, counts) for type_ in ReportType],
    }


def _verdict(counts: Counts) -> str:
    failed, passed = _amounts(counts, Result.FAIL), _amounts(counts, Result.PASS)
    failing = f"Failing: {failed}." if failed else "Nothing fails."
    passing = f"Passing: {passed}." if passed else "Nothing passes."
    return f"First results of this branch. {failing} {passing}"


def _amounts(counts: Counts, verdict: Result | None) -> str:
    """Return numbers by type, such as `1 build, 2 boots`; empty if all are 0."""
    numbers = {type_: counts[type_, verdict] for type_ in ReportType}
    return ", ".join(amount(number, noun) for noun, number in numbers.items() if number)


def _coverage(type_: ReportType, counts: Counts) -> str:
    """Return a row of the table: all runs, passed, failed, without verdict."""
    numbers = [counts[type_, result] for result in (Result.PASS, Result.FAIL, None)]
    cells = "".join(f"{number:>7}" for number in numbers)
    return f"{type_ + 's':<12}{sum(numbers):>8}{cells}"


def _lists(runs: Sequence[Run], head: Letterhead) -> dict[str, Any]:
    failed = [run for run in runs if run.verdict is Result.FAIL]
    passed = passed_titles(runs)
    return {
        "failed": [
            {
                "title": run.title,
                "headline": headline(run.lineage),
                "link": head.link(run.node.id),
            }
            for run in failed[:FAILED_MAX]
        ],
        "more_failed": len(failed[FAILED_MAX:]),
        "passed": passed[:PASSED_MAX],
        "more_passed": len(passed[PASSED_MAX:]),
    }
