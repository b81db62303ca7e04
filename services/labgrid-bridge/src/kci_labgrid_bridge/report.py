# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the runner left in a job's folder; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from kci_shared.lab.faults import Fault


class Line(BaseModel):
    """One line of the runner's report: the boot, or one test."""

    test: str | None
    """None is the boot."""
    status: int | None = None
    output: list[str] = []
    error: str | None = None
    """Why it did not come to its end."""
    is_silence: bool = False
    """Whether the error is that the board did not print what was expected."""


@dataclass(frozen=True)
class Remains:
    """All that is left of a run."""

    lines: list[Line]
    console: str
    fault: Fault | None = None
    """Why the runner was stopped, if it was."""
    last_output: str = ""
    """The end of the runner's own log."""


def read_report(text: str) -> list[Line]:
    """Read the runner's report, without a last line that was cut short."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        try:
            yield Line.model_validate_json(line)
        except ValidationError:
            continue
