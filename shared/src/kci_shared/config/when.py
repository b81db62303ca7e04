# SPDX-License-Identifier: LGPL-2.1-or-later
"""`when`: which revisions and builds an entry is for.

The rules are those that KernelCI's configuration has today.
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
    """What must hold of a revision and of its build; an empty rule always holds.

    A list allows what it names, and denies what it names with a `!` in front.
    """

    tree: Words = []
    """Trees, or `tree:branch`."""
    branch: Words = []
    """Branches, or `tree:branch`."""
    arch: Words = []
    compiler: Words = []
    config: Words = []
    """The configuration that a build starts from."""
    fragments: Words = []
    """One of those that are allowed, and none of those that are denied."""
    kernel: Annotated[str, AfterValidator(_is_range)] = ""
    """A range of kernel versions, such as `>=6.1 <6.7`."""

    def holds(self, candidate: Candidate) -> bool:
        """Say whether all the rules hold."""
        return all(ruling.holds for ruling in self.rulings(candidate))

    def rulings(self, candidate: Candidate) -> Iterator[Ruling]:
        """Judge by each rule that says anything."""
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
            # A combination that is allowed settles tree and branch at once.
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
            why = f"must be {self.kernel}, and the version is not known"
            return Ruling("kernel", False, why)
        holds = _in_range(self.kernel, (version.version, version.patchlevel))
        is_now = f"{version.version}.{version.patchlevel}"
        return Ruling("kernel", holds, f"{is_now} {_is(holds)} {self.kernel}")


def _ruling(key: str, rules: list[str], values: Sequence[str] | None) -> Ruling:
    """Judge values: none is denied, and if some are allowed, one is among them."""
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
