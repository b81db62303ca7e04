# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests: what they need, where they run, and what they do there."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from kci_shared.config.entries import Params, Priority, Retry, Section
from kci_shared.config.values import Name, Period, Seconds, Words
from kci_shared.config.when import When
from kci_shared.models import Kind, TestStep

ANY = "any"
"""In `on`: the platform says it, whatever it says."""
NONE = "none"
"""In `on`: the platform does not say it."""
PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z0-9_.+-]+) *\}\}")
"""In a step: the value of a parameter."""


class Need(StrEnum):
    """What a node must have come to for what needs it."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    DONE = "done"
    AVAILABLE = "available"


def _needed(value: Any) -> Any:
    """Bring `boot`, `[boot, login]` and `{boot: done}` into the form of the last."""
    if isinstance(value, str):
        return {value: Need.PASS}
    if not isinstance(value, list):
        return value
    needs: dict[str, Any] = {}
    for item in value:
        more = item if isinstance(item, dict) else {item: Need.PASS}
        if twice := needs.keys() & more.keys():
            raise ValueError(f"'{twice.pop()}' stands here twice")
        needs |= more
    return needs


def _truth(value: Any) -> Any:
    """Bring `dt: true` into the form of a list of words."""
    if isinstance(value, bool):
        return [ANY if value else NONE]
    return value


Needs = Annotated[dict[str, Need], BeforeValidator(_needed), Field(min_length=1)]
On = dict[str, Annotated[Words, BeforeValidator(_truth)]]


class Template(Section):
    """What tests may have in common; a test says what is different."""

    when: When = When()
    on: On = {}
    """What the platform must be: attribute and values, `any` or `none`."""
    retry: Retry = Retry()
    timeout: Seconds = 600
    """Of the run on the device."""
    queue: Period = 86400
    """How long it may wait for a lab."""
    priority: Priority = Priority.MEDIUM
    kind: Literal[Kind.JOB, Kind.PROCESS] = Kind.JOB
    run: Name | None = None
    """The runtime that takes it where no platform is needed, instead of a lab's."""
    group: Name | None = None
    """What its results are known as, if not by its name."""
    rootfs: Name | None = None
    params: Params = {}
    """For the steps, as `{{name}}`, and for the lab's bridge."""
    steps: list[TestStep] = []


class Test(Template):
    """What is run, and after what; without steps it only boots."""

    __test__ = False  # pytest shall not collect it

    needs: Needs
    template: Name | None = None

    @property
    def first_need(self) -> str:
        """What the job hangs below."""
        return next(iter(self.needs))

    @cached_property
    def commands(self) -> list[TestStep]:
        """The steps, with the values of their parameters in them."""
        return [
            step.model_copy(
                update={"run": PLACEHOLDER.sub(lambda m: self._value(m[1]), step.run)}
            )
            for step in self.steps
        ]

    def _value(self, name: str) -> str:
        value = self.params.get(name, "")
        return " ".join(value) if isinstance(value, list) else str(value)

    def unknown_params(self) -> Iterator[tuple[int, str]]:
        """List the parameters that steps ask for, and that have no value."""
        for number, step in enumerate(self.steps):
            for name in PLACEHOLDER.findall(step.run):
                if name not in self.params:
                    yield number, name
