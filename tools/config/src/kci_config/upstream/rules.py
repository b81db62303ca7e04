# SPDX-License-Identifier: LGPL-2.1-or-later
"""`rules` of the original as our `when`, and other values as ours."""

import json
from typing import Any

from kci_config.upstream.report import Report, Sort

Entry = dict[str, Any]

LISTS = {
    "tree": "tree",
    "branch": "branch",
    "arch": "arch",
    "compiler": "compiler",
    "defconfig": "config",
    "fragments": "fragments",
}
VERSIONS = {"min_version": ">=", "max_version": "<="}
PRIORITIES = ("low", "medium", "high")


class Never(Exception):
    """A rule that no revision can fulfil: all that it allows does not exist."""


def when(
    rules: Entry | None, known: dict[str, set[str]], report: Report, where: str
) -> Entry:
    """Translate rules; `known` has the names that rules may use, by key."""
    said: Entry = {}
    kernels = []
    for key, value in (rules or {}).items():
        if key in LISTS:
            said[LISTS[key]] = _known_only(key, listed(value), known, report, where)
        elif key in VERSIONS and isinstance(value, dict):
            numbers = f"{value.get('version', 0)}.{value.get('patchlevel', 0)}"
            kernels.append(f"{VERSIONS[key]}{numbers}")
        else:
            report.tell(Sort.LEFT_OUT, f"a rule about '{key}'", where)
    if kernels:
        said["kernel"] = " ".join(kernels)
    return said


def _known_only(
    key: str, rules: list[str], known: dict[str, set[str]], report: Report, where: str
) -> list[str]:
    if key not in known:
        return rules
    kept = []
    for rule in rules:
        name = rule.removeprefix("!").partition(":")[0]
        if name in known[key] or (key == "fragments" and "=" in name):
            kept.append(rule)
        else:
            report.tell(Sort.BROKEN, f"a rule names {key} '{name}', undefined", where)
    if any(rule[0] != "!" for rule in rules) and all(rule[0] == "!" for rule in kept):
        raise Never(f"all {key}s that it is for are undefined")
    return kept


def both(one: Entry, other: Entry) -> Entry:
    """Return rules that hold when both do; raise `Never` if that can't be said."""
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        if key == "kernel":
            merged[key] = f"{one[key]} {other[key]}"
        elif any(rule[0] != "!" for rule in one[key]) and any(
            rule[0] != "!" for rule in other[key]
        ):
            raise Never(f"two lists of what is allowed as {key}")
        else:
            merged[key] = [*one[key], *other[key]]
    return merged


def listed(value: Any) -> list[str]:
    """Bring a word or several into the form of a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def plain(params: Entry) -> Entry:
    """Bring parameters into a form that ours may have: nested ones become JSON."""
    return {
        key: value
        if isinstance(value, str | int | float | bool)
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        else json.dumps(value, sort_keys=True, default=str)
        for key, value in params.items()
        if value is not None
    }


def priority(value: Any) -> Entry:
    """Say how urgent an entry is, if it says it."""
    if isinstance(value, int):
        return {"priority": PRIORITIES[min(max(value, 0), 99) * 3 // 100]}
    return {"priority": value} if value in PRIORITIES else {}
