# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drafts of legacy regressions, bisections and reports; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.fields import BUILD_FIELDS, REVISION_FIELDS, Fields, id_of
from kci_import.legacy.tests import setup_of
from kci_import.legacy.translate import draft, revision
from kci_shared.models import Kind, Result

BISECTION_ENDS = ("good", "bad")
COMMIT_FIELDS = ("commit", "commit_date", "commit_url", "summary")


def runs_of(document: Fields) -> list[Mapping[str, Any]]:
    """Return the runs of a regression: the last that passed, then those that failed."""
    runs = document.get("regressions") or ()
    return [run for run in runs if isinstance(run, Mapping)]


def regression(
    reading: Reading,
    document: Fields,
    ids: list[str],
    result: Result,
    revisions: Sequence[Fields],
) -> Draft:
    """Return the draft of a regression.

    Legacy stored a copy of it for each revision: `document` is the last one, `ids` are
    those of all. `revisions` are the revisions of the runs.
    """
    path = [str(name) for name in reading.take("hierarchy") or ()]
    reading.drop("regressions", "test_case_path", *REVISION_FIELDS, *BUILD_FIELDS)
    reading.drop("device_type", "lab_name")
    return draft(
        reading,
        Kind.REGRESSION,
        path[-1] if path else "unnamed",
        group=reading.text("plan"),
        result=result,
        data={
            **_runs(document, revisions),
            **setup_of(document),
        },
        legacy={"ids": ids},
    )


def _runs(document: Fields, revisions: Sequence[Fields]) -> dict[str, Any]:
    """Return nodes and revisions of the runs: the passing, then the failing ones."""
    tests = [id_of(run.get("test_case_id")) for run in runs_of(document)]
    passed, failed = (revision(one) for one in (*revisions, {}, {})[:2])
    return {
        "pass_node": tests[0] if tests else None,
        "fail_node": tests[1] if len(tests) > 1 else None,
        "node_sequence": tests[2:],
        "kernel_revision": failed,
        "failed_kernel_revision": failed,
        "passed_kernel_revision": passed,
    }


def bisection(reading: Reading, parent: str | None) -> Draft:
    """Return the draft of a bisection."""
    reading.drop("regression_id", "job_id", "build_id")
    ends = {
        end: {
            field.removeprefix("commit_"): value
            for field in COMMIT_FIELDS
            if (value := reading.text(f"{end}_{field}"))
        }
        for end in BISECTION_ENDS
    }
    log = reading.text("log")
    is_url = log is not None and log.startswith("http")
    return draft(
        reading,
        Kind.PROCESS,
        "bisection",
        parent=parent,
        result=Result.PASS,
        artifacts={"log": log} if is_url else None,
        data={
            **ends,
            "found": reading.text("found_summary"),
            "checks": reading.take("checks"),
            "bisection_log": None if is_url else log,
        },
    )


def report(reading: Reading, parent: str | None) -> Draft:
    """Return the draft of a mailed report, without its text and recipients."""
    status = reading.text("status")
    fields = {"status": status, "type": reading.text("type")}
    reading.drop("job", "kernel", "git_branch", "job_id", "name")
    reading.drop_rest("it may hold names and addresses of people")
    result = Result.PASS if status == "SENT" else Result.INCOMPLETE
    return draft(
        reading,
        Kind.PROCESS,
        "report",
        parent=parent,
        result=result,
        data={"report": {name: value for name, value in fields.items() if value}},
    )
