# SPDX-License-Identifier: LGPL-2.1-or-later
"""Regressions, of which legacy kept a copy for each revision, and their bisections."""

from collections.abc import Mapping, Sequence
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.drafts import draft, revision
from kci_import.legacy.fields import OF_BUILD, OF_REVISION, Facts, Reading, id_of
from kci_import.legacy.tests import placed
from kci_shared.models import Kind, Result

ENDS = ("commit", "commit_date", "commit_url", "summary")


def steps(said: Facts) -> list[Mapping[str, Any]]:
    """Return the runs of a regression: what passed, and all that failed since."""
    return [one for one in said.get("regressions") or () if isinstance(one, Mapping)]


def regression(
    reading: Reading,
    said: Facts,
    ids: list[str],
    result: Result,
    revisions: Sequence[Facts],
) -> Draft:
    """Say a regression with all its copies; `revisions` are those of its steps."""
    runs = steps(said)
    passed, failed = (revision(one) for one in (*revisions, {}, {})[:2])
    tests = [id_of(run.get("test_case_id")) for run in runs]
    path = [str(one) for one in reading.take("hierarchy") or ()]
    reading.drop("regressions", "test_case_path", *OF_REVISION, *OF_BUILD)
    reading.drop("device_type", "lab_name")
    return draft(
        reading,
        Kind.REGRESSION,
        path[-1] if path else "unnamed",
        group=reading.text("plan"),
        result=result,
        data={
            "pass_node": tests[0] if tests else None,
            "fail_node": tests[1] if len(tests) > 1 else None,
            "node_sequence": tests[2:],
            "kernel_revision": failed,
            "failed_kernel_revision": failed,
            "passed_kernel_revision": passed,
            **placed(said),
        },
        legacy={"ids": ids},
    )


def bisection(reading: Reading, parent: str | None) -> Draft:
    """Say the search for the commit that broke something."""
    reading.drop("regression_id", "job_id", "build_id")
    ends = {
        end: {
            name.removeprefix("commit_"): value
            for name in ENDS
            if (value := reading.text(f"{end}_{name}"))
        }
        for end in ("good", "bad")
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
    """Say that a report was mailed, or was not."""
    status = reading.text("status")
    said = {"status": status, "type": reading.text("type")}
    reading.drop("job", "kernel", "git_branch", "job_id", "name")
    reading.forget("it may name people")
    result = Result.PASS if status == "SENT" else Result.INCOMPLETE
    return draft(
        reading,
        Kind.PROCESS,
        "report",
        parent=parent,
        result=result,
        data={"report": {name: value for name, value in said.items() if value}},
    )
