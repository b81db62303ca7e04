# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build's report in its folder, which the sources may have written to."""

from pathlib import Path

from pydantic import ValidationError

from kci_builder.build_folder import Box
from kci_shared.work import CannotRun, RunOutcome
from kci_shared.work.build import BuildFacts, BuildReport

REPORT = "report.json"


def write_report(outcome: RunOutcome, folder: Path) -> None:
    """Leave a report beside the artifacts."""
    names = {name: path.relative_to(folder) for name, path in outcome.files.items()}
    report = BuildReport(
        result=outcome.result,
        error_code=outcome.error_code,
        error_msg=outcome.error_msg,
        artifacts={name: str(path) for name, path in names.items()},
        needed=outcome.needed,
        facts=BuildFacts.model_validate(outcome.data) if outcome.data else None,
    )
    (folder / REPORT).write_text(report.model_dump_json())


def read_report(folder: Path) -> tuple[BuildReport, dict[str, Path]]:
    """Return a report, and the files that it names: plain ones of the folder only."""
    box = Box(folder)
    try:
        report = BuildReport.model_validate_json(box.text(REPORT))
    except ValidationError as error:
        raise CannotRun(f"{REPORT}: {error}") from error
    files = {}
    for name, path in report.artifacts.items():
        found = box.find(path)
        if found is None:
            raise CannotRun(f"artifact: {name}: {path!r} is no plain file of the build")
        files[name] = found
    return report, files
