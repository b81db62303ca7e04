# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of `--check`: what was tried, whether it works, and what to do if not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kci_shared.redaction import redacted

EXPIRES_SOON = timedelta(days=14)


class Grade(StrEnum):
    """Whether the bridge can work."""

    GOOD = "ok"
    ODD = "look"
    """Jobs run, but something should be looked at."""
    BAD = "wrong"


COLOURS = {Grade.GOOD: "green", Grade.ODD: "yellow", Grade.BAD: "bold red"}


@dataclass(frozen=True)
class Probe:
    """One thing that was tried."""

    what: str
    grade: Grade
    message: str
    advice: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the bridge cannot work like this."""
        return self.grade is Grade.BAD


def good(what: str, message: str) -> Probe:
    """Return a probe of something that works."""
    return Probe(what, Grade.GOOD, message)


def odd(what: str, message: str, advice: str) -> Probe:
    """Return a probe of something that works, but should be looked at."""
    return Probe(what, Grade.ODD, message, advice)


def bad(what: str, message: str, advice: str) -> Probe:
    """Return a probe of something that does not work, and what to do about it."""
    return Probe(what, Grade.BAD, message, advice)


def judge_token(owner: dict[str, Any], runtime: str, now: datetime) -> Probe:
    """Judge a token by the API's answer to `/whoami`: its owner, scopes and expiry."""
    name, scopes = owner.get("username"), owner.get("scopes")
    needed = f"runtime:{runtime}"
    make = f"have an operator run: kci-api token create {runtime} --scope {needed}"
    if scopes is None:
        return odd("token", f"{name}'s login, which expires within hours", make)
    has = f"{name}: {', '.join(scopes) or 'no scopes'}"
    if not {needed, "nodes:write"} & set(scopes):
        return bad(
            "token", f"{has}; {needed} is missing", f"{make}; or set KCI_RUNTIME"
        )
    if "nodes:write" in scopes:
        return odd("token", f"{has}: can change any node", make)
    end = datetime.fromisoformat(owner["expires"])
    until = f"{has}, until {end:%Y-%m-%d}"
    return (
        odd("token", until, make) if end - now < EXPIRES_SOON else good("token", until)
    )


def show(probes: Iterable[Probe], console: Console | None = None) -> None:
    """Print a table and the advice; in colour on a terminal only."""
    console = console or Console()
    probes = list(probes)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "found"):
        table.add_column(heading, no_wrap=heading == "", overflow="fold")
    for probe in probes:  # a lab's messages must not be read as markup
        grade = Text(probe.grade, COLOURS[probe.grade])
        table.add_row(grade, Text(probe.what), Text(_shown(probe.message)))
    console.print(table)
    advised = [probe for probe in probes if probe.advice]
    if advised:
        console.print("\nWhat to do:", style="bold")
    for probe in advised:
        console.print(Text(f"- {probe.what}: {probe.advice}"))


def _shown(message: str) -> str:
    return "\n".join(redacted(line) for line in message.splitlines())
