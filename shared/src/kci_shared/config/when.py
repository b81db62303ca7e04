# SPDX-License-Identifier: LGPL-2.1-or-later
"""`when`: which revisions and builds an entry is for.

The rules for trees and branches are those that KernelCI's configuration has today.
"""

import re
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from kci_shared.config.values import Words
from kci_shared.models import Revision, Version

CLAUSE = re.compile(r"(>=|<=|>|<|==)\s*([0-9]+)\.([0-9]+)")


def _is_range(text: str) -> str:
    if CLAUSE.sub("", text).strip():
        raise ValueError("write a kernel range as '>=6.1 <6.7'")
    return text


class When(BaseModel, extra="forbid", frozen=True):
    """What must hold of a revision; an empty rule always holds.

    A list allows what it names, and denies what it names with a `!` in front.
    """

    tree: Words = []
    """Trees, or `tree:branch`."""
    branch: Words = []
    """Branches, or `tree:branch`."""
    arch: Words = []
    kernel: Annotated[str, AfterValidator(_is_range)] = ""
    """A range of kernel versions, such as `>=6.1 <6.7`."""

    def refusal(self, revision: Revision, arch: str) -> str | None:
        """Say which rule refuses a build of a revision, or None."""
        return (
            self._refuses_branch(revision)
            or _refuses("arch", self.arch, arch)
            or self._refuses_version(revision.version)
        )

    def _refuses_branch(self, revision: Revision) -> str | None:
        both = f"{revision.tree}:{revision.branch}"
        for key, rules in (("tree", self.tree), ("branch", self.branch)):
            # A combination that is allowed settles tree and branch at once.
            if _first(rules, both):
                return None
            if denied := _first(_denials(rules), both):
                return f"{key}: {both} is denied by '!{denied}'"
            if reason := _refuses(key, rules, getattr(revision, key)):
                return reason
        return None

    def _refuses_version(self, version: Version | None) -> str | None:
        if not self.kernel:
            return None
        if version is None:
            return f"kernel: must be {self.kernel}, and the version is not known"
        if _in_range(self.kernel, (version.version, version.patchlevel)):
            return None
        is_now = f"{version.version}.{version.patchlevel}"
        return f"kernel: {is_now} is not {self.kernel}"


def _denials(rules: list[str]) -> list[str]:
    return [rule[1:] for rule in rules if rule[0] == "!"]


def _first(rules: list[str], value: str) -> str | None:
    return next((rule for rule in rules if fnmatchcase(value, rule)), None)


def _refuses(key: str, rules: list[str], value: str) -> str | None:
    if denied := _first(_denials(rules), value):
        return f"{key}: {value} is denied by '!{denied}'"
    allowed = [rule for rule in rules if rule[0] != "!"]
    if allowed and not _first(allowed, value):
        return f"{key}: {value} is not one of {', '.join(allowed)}"
    return None


def _in_range(text: str, version: tuple[int, int]) -> bool:
    verdicts = {
        ">=": version.__ge__,
        "<=": version.__le__,
        ">": version.__gt__,
        "<": version.__lt__,
        "==": version.__eq__,
    }
    return all(
        verdicts[operator]((int(major), int(minor)))
        for operator, major, minor in CLAUSE.findall(text)
    )
