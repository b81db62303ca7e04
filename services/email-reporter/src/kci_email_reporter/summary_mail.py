# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first results of a branch as a mail: what fails, what passes, what was tested."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kci_email_reporter.labels import SUBJECT, branch_name, headline, revision_headers
from kci_email_reporter.mail import Letterhead, Mail, dedup_key, message_id, token
from kci_email_reporter.render import render
from kci_email_reporter.runs import Run, amount, find_runs, passed
from kci_email_reporter.text import clip, word
from kci_shared.models import Checkout, Node

KINDS = ("build", "boot", "test")
FAILED = 20
"""How many failures a mail lists."""
PASSED = 40
"""How many builds, boots and groups of tests that pass a mail lists."""

Counts = Counter[tuple[str, str]]
"""How many runs, by kind and verdict."""


def summary_mail(
    checkout: Checkout, nodes: Sequence[Node], head: Letterhead
) -> Mail | None:
    """Write what a revision's runs showed; None when none says anything of it."""
    runs = find_runs(nodes)
    counts: Counts = Counter((run.kind, run.verdict) for run in runs)
    revision = checkout.data.kernel_revision
    if revision is None or all(verdict == "none" for _, verdict in counts):
        return None
    key = dedup_key("tree", revision.tree, revision.branch, revision.commit, "first")
    title = f"{branch_name(revision)} {word(revision.short)}"
    report_id = token("t", checkout.id)
    headers = {"Report-Type": "summary", **revision_headers(revision)}
    return Mail(
        key=key,
        message_id=message_id("tree", key, head.domain),
        report_id=report_id,
        letterhead=head,
        date=checkout.updated,
        subject=head.subject_prefix + _subject(title, counts),
        about={**headers, "Report-Id": report_id},
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
    bad, good = (
        sum(counts[kind, verdict] for kind in KINDS) for verdict in ("fail", "pass")
    )
    return clip(f"[kci] {title}: first results: {bad} fail, {good} pass", SUBJECT)


def _verdict(counts: Counts) -> str:
    bad, good = _several(counts, "fail"), _several(counts, "pass")
    failing = f"Failing: {bad}." if bad else "Nothing fails."
    passing = f"Passing: {good}." if good else "Nothing passes."
    return f"First results of this branch. {failing} {passing}"


def _results(counts: Counts) -> dict[str, Any]:
    return {
        "verdict": _verdict(counts),
        "unjudged": _several(counts, "none"),
        "coverage": [_coverage(kind, counts) for kind in KINDS],
    }


def _several(counts: Counts, verdict: str) -> str:
    """Say how many of each kind, such as `1 build, 2 boots`; empty when none."""
    numbers = {kind: counts[kind, verdict] for kind in KINDS}
    return ", ".join(amount(number, kind) for kind, number in numbers.items() if number)


def _coverage(kind: str, counts: Counts) -> str:
    numbers = [counts[kind, verdict] for verdict in ("pass", "fail", "none")]
    cells = "".join(f"{number:>7}" for number in numbers)
    return f"{kind + 's':<12}{sum(numbers):>8}{cells}"


def _lists(runs: Sequence[Run], head: Letterhead) -> dict[str, Any]:
    failing = [run for run in runs if run.verdict == "fail"]
    fine = passed(runs)
    return {
        "failed": [
            {
                "title": run.title,
                "headline": headline(run.line),
                "link": head.link(run.line[0].id),
            }
            for run in failing[:FAILED]
        ],
        "more_failed": len(failing[FAILED:]),
        "passed": fine[:PASSED],
        "more_passed": len(fine[PASSED:]),
    }
