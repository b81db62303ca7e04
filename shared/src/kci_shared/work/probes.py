# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was tried of a lab, what came of it, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kci_shared.text import redacted

SOON = timedelta(days=14)
"""A token that ends so soon is worth a word."""


class Grade(StrEnum):
    """What a probe means for the lab."""

    GOOD = "ok"
    ODD = "look"
    """Jobs run, but perhaps not as they should."""
    BAD = "wrong"


COLOURS = {Grade.GOOD: "green", Grade.ODD: "yellow", Grade.BAD: "bold red"}


@dataclass(frozen=True)
class Probe:
    """One thing that was tried."""

    what: str
    grade: Grade
    said: str
    advice: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the bridge cannot work so."""
        return self.grade is Grade.BAD


def good(what: str, said: str) -> Probe:
    """Tell of what is as it should be."""
    return Probe(what, Grade.GOOD, said)


def odd(what: str, said: str, advice: str) -> Probe:
    """Tell of what works, and should be looked at."""
    return Probe(what, Grade.ODD, said, advice)


def bad(what: str, said: str, advice: str) -> Probe:
    """Tell of what does not work, and what to do."""
    return Probe(what, Grade.BAD, said, advice)


def judge_token(said: dict[str, Any], runtime: str, now: datetime) -> Probe:
    """Tell what a token is worth, by what the API says of it."""
    name, scopes = said.get("username"), said.get("scopes")
    needed = f"runtime:{runtime}"
    make = f"have an operator run: kci-api token create {runtime} --scope {needed}"
    if scopes is None:
        return odd("token", f"the login of {name}, which ends within hours", make)
    has = f"{name}: {', '.join(scopes) or 'no scopes'}"
    if not {needed, "nodes:write"} & set(scopes):
        return bad(
            "token", f"{has}; {needed} is missing", f"{make}; or set KCI_RUNTIME"
        )
    if "nodes:write" in scopes:
        return odd("token", f"{has}: it may change any node", make)
    end = datetime.fromisoformat(said["expires"])
    until = f"{has}, until {end:%Y-%m-%d}"
    return odd("token", until, make) if end - now < SOON else good("token", until)


def show(probes: Iterable[Probe], console: Console | None = None) -> None:
    """Print a table, then what to do; colours are for terminals only."""
    console = console or Console()
    probes = list(probes)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "found"):
        table.add_column(heading, no_wrap=heading == "", overflow="fold")
    for probe in probes:  # what a lab says is text, and never markup
        grade = Text(probe.grade, COLOURS[probe.grade])
        table.add_row(grade, Text(probe.what), Text(_shown(probe.said)))
    console.print(table)
    advised = [probe for probe in probes if probe.advice]
    if advised:
        console.print("\nWhat to do:", style="bold")
    for probe in advised:
        console.print(Text(f"- {probe.what}: {probe.advice}"))


def _shown(said: str) -> str:
    return "\n".join(redacted(line) for line in said.splitlines())
