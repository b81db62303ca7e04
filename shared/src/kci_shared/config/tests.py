# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests: their needs, their platforms, their steps."""

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
"""In `on`: the platform has the attribute, with any value."""
NONE = "none"
"""In `on`: the platform does not have the attribute."""
PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z0-9_.+-]+) *\}\}")
"""A parameter in a step."""


class Need(StrEnum):
    """What a node must be for a test that needs it."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    DONE = "done"
    AVAILABLE = "available"


def _needed(value: Any) -> Any:
    """Turn `boot` and `[boot, login]` into the form `{boot: pass}`."""
    if isinstance(value, str):
        return {value: Need.PASS}
    if not isinstance(value, list):
        return value
    needs: dict[str, Any] = {}
    for item in value:
        more = item if isinstance(item, dict) else {item: Need.PASS}
        if twice := needs.keys() & more.keys():
            raise ValueError(f"'{twice.pop()}' is listed twice; remove one")
        needs |= more
    return needs


def _truth(value: Any) -> Any:
    """Turn `dt: true` into a list of words."""
    if isinstance(value, bool):
        return [ANY if value else NONE]
    return value


Needs = Annotated[dict[str, Need], BeforeValidator(_needed), Field(min_length=1)]
On = dict[str, Annotated[Words, BeforeValidator(_truth)]]


class Template(Section):
    """Common settings of several tests."""

    when: When = When()
    on: On = {}
    """Required attributes of the platform: values, `any` or `none`."""
    retry: Retry = Retry()
    timeout: Seconds = 600
    """Time limit of the run on the device, in seconds."""
    queue: Period = 86400
    """How long it may wait for a lab, in seconds."""
    priority: Priority = Priority.MEDIUM
    kind: Literal[Kind.JOB, Kind.PROCESS] = Kind.JOB
    run: Name | None = None
    """The runtime of a test that needs no platform."""
    group: Name | None = None
    """Group of its results; without it, its name."""
    rootfs: Name | None = None
    params: Params = {}
    """Parameters for the steps, as `{{name}}`, and for the lab's bridge."""
    steps: list[TestStep] = []


class Test(Template):
    """A test and its needs; without steps it only boots."""

    __test__ = False  # pytest shall not collect it

    needs: Needs
    template: Name | None = None

    @property
    def first_need(self) -> str:
        """The need whose node the job is created below."""
        return next(iter(self.needs))

    @cached_property
    def commands(self) -> list[TestStep]:
        """The steps, with parameters replaced by their values."""
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
        """List the parameters in steps that have no value."""
        for number, step in enumerate(self.steps):
            for name in PLACEHOLDER.findall(step.run):
                if name not in self.params:
                    yield number, name
