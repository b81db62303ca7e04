# SPDX-License-Identifier: LGPL-2.1-or-later
"""`when`: the revisions and builds that an entry applies to.

The rules have the meaning of those in KernelCI's own configuration.
"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from kci_shared.config.candidate import Candidate, Ruling
from kci_shared.config.values import Words
from kci_shared.models import Revision, Version

CLAUSE = re.compile(r"(>=|<=|>|<|==)\s*([0-9]+)\.([0-9]+)")


def _is_range(text: str) -> str:
    if CLAUSE.sub("", text).strip():
        raise ValueError("write a kernel range as '>=6.1 <6.7'")
    return text


class When(BaseModel, extra="forbid", frozen=True):
    """Rules for a revision and its build; an empty rule always holds.

    A list allows what it names, and denies names with `!` in front.
    """

    tree: Words = []
    """Trees, or `tree:branch`."""
    branch: Words = []
    """Branches, or `tree:branch`."""
    arch: Words = []
    compiler: Words = []
    config: Words = []
    """The base configuration of a build."""
    fragments: Words = []
    """The build has an allowed one, and none that is denied."""
    kernel: Annotated[str, AfterValidator(_is_range)] = ""
    """A range of kernel versions, such as `>=6.1 <6.7`."""

    def holds(self, candidate: Candidate) -> bool:
        """Say whether all rules hold."""
        return all(ruling.holds for ruling in self.rulings(candidate))

    def rulings(self, candidate: Candidate) -> Iterator[Ruling]:
        """Apply each rule that is not empty."""
        if self.tree or self.branch:
            yield self._on_branch(candidate.revision)
        for key in ("arch", "compiler", "config"):
            if rules := getattr(self, key):
                value = getattr(candidate, key)
                yield _ruling(key, rules, None if value is None else [value])
        if self.fragments:
            yield _ruling("fragments", self.fragments, candidate.fragments)
        if self.kernel and not candidate.any_kernel:
            yield self._on_version(candidate.revision.version)

    def _on_branch(self, revision: Revision) -> Ruling:
        both = f"{revision.tree}:{revision.branch}"
        for key, rules in (("tree", self.tree), ("branch", self.branch)):
            # an allowed combination decides about tree and branch at once
            if allowed := _first(rules, both):
                return Ruling(key, True, f"{both} is allowed by '{allowed}'")
            if denied := _first(_denials(rules), both):
                return Ruling(key, False, f"{both} is denied by '!{denied}'")
            ruling = _ruling(key, rules, [getattr(revision, key)])
            if rules and not ruling.holds:
                return ruling
        return Ruling("tree" if self.tree else "branch", True, f"{both} is allowed")

    def _on_version(self, version: Version | None) -> Ruling:
        if version is None:
            why = f"must be {self.kernel}, but the version is unknown"
            return Ruling("kernel", False, why)
        holds = _in_range(self.kernel, (version.version, version.patchlevel))
        release = f"{version.version}.{version.patchlevel}"
        return Ruling("kernel", holds, f"{release} {_is(holds)} {self.kernel}")


def _ruling(key: str, rules: list[str], values: Sequence[str] | None) -> Ruling:
    """Check values: none is denied, and one is allowed, if the rule allows any."""
    allowed = [rule for rule in rules if rule[0] != "!"]
    for value in values or ():
        if denied := _first(_denials(rules), value):
            return Ruling(key, False, f"{value} is denied by '!{denied}'")
    named = ", ".join(values or ()) or "nothing"
    if not allowed:
        return Ruling(key, True, f"{named} is not denied")
    holds = any(_first(allowed, value) for value in values or ())
    return Ruling(key, holds, f"{named} {_is(holds)} one of {', '.join(allowed)}")


def _is(holds: bool) -> str:
    return "is" if holds else "is not"


def _denials(rules: list[str]) -> list[str]:
    return [rule[1:] for rule in rules if rule[0] == "!"]


def _first(rules: list[str], value: str) -> str | None:
    return next((rule for rule in rules if fnmatchcase(value, rule)), None)


def _in_range(text: str, version: tuple[int, int]) -> bool:
    rulings = {
        ">=": version.__ge__,
        "<=": version.__le__,
        ">": version.__gt__,
        "<": version.__lt__,
        "==": version.__eq__,
    }
    return all(
        rulings[operator]((int(major), int(minor)))
        for operator, major, minor in CLAUSE.findall(text)
    )
