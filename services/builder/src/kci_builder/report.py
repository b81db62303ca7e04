# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report from one program to the other, beside the artifacts.

Neither the report nor the files that it names are trusted: the sources could write
them.
"""

from pathlib import Path

from pydantic import ValidationError

from kci_builder.build_folder import BuildFolder
from kci_shared.work import CannotRun, RunOutcome
from kci_shared.work.build import BuildFacts, BuildReport

REPORT = "report.json"


def write_report(outcome: RunOutcome, folder: Path) -> None:
    """Write the report of a build into its folder."""
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
    """Return a report and the files that it names.

    Raises `CannotRun` for an invalid report, or a file that is not a plain one.
    """
    build_folder = BuildFolder(folder)
    try:
        report = BuildReport.model_validate_json(build_folder.text(REPORT))
    except ValidationError as error:
        raise CannotRun(f"{REPORT}: {error}") from error
    files = {}
    for name, path in report.artifacts.items():
        file = build_folder.find(path)
        if file is None:
            raise CannotRun(
                f"artifact: {name}: {path!r} is not a plain file of the build"
            )
        files[name] = file
    return report, files
