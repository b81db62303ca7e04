# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translate `rules` to `when`, and values to their form here."""

import json
from typing import Any

from kci_config.upstream.report import Category, Report

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
    """A rule that no revision can meet: nothing that it allows is defined."""


def when(
    rules: Entry | None, defined: dict[str, set[str]], report: Report, where: str
) -> Entry:
    """Translate rules; `defined` lists the names that rules may use, by key."""
    conditions: Entry = {}
    kernels = []
    for key, value in (rules or {}).items():
        if key in LISTS:
            conditions[LISTS[key]] = _defined_only(
                key, listed(value), defined, report, where
            )
        elif key in VERSIONS and isinstance(value, dict):
            numbers = f"{value.get('version', 0)}.{value.get('patchlevel', 0)}"
            kernels.append(f"{VERSIONS[key]}{numbers}")
        else:
            report.add(Category.LEFT_OUT, f"a rule about '{key}'", where)
    if kernels:
        conditions["kernel"] = " ".join(kernels)
    return conditions


def _defined_only(
    key: str, rules: list[str], defined: dict[str, set[str]], report: Report, where: str
) -> list[str]:
    if key not in defined:
        return rules
    kept = []
    for rule in rules:
        name = rule.removeprefix("!").partition(":")[0]
        if name in defined[key] or (key == "fragments" and "=" in name):
            kept.append(rule)
        else:
            report.add(Category.BROKEN, f"a rule names undefined {key} '{name}'", where)
    if any(rule[0] != "!" for rule in rules) and all(rule[0] == "!" for rule in kept):
        raise Never(f"every {key} that it allows is undefined")
    return kept


def both(one: Entry, other: Entry) -> Entry:
    """Return rules that hold when both do; raise `Never` if that is impossible."""
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        if key == "kernel":
            merged[key] = f"{one[key]} {other[key]}"
        elif any(rule[0] != "!" for rule in one[key]) and any(
            rule[0] != "!" for rule in other[key]
        ):
            raise Never(f"two lists of allowed values of {key}")
        else:
            merged[key] = [*one[key], *other[key]]
    return merged


def listed(value: Any) -> list[str]:
    """Return one value, or several, as a list of texts."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def plain(params: Entry) -> Entry:
    """Return parameters as plain values: nested ones become JSON."""
    return {
        key: value
        if isinstance(value, str | int | float | bool)
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        else json.dumps(value, sort_keys=True, default=str)
        for key, value in params.items()
        if value is not None
    }


def priority(value: Any) -> Entry:
    """Translate the priority of an entry, if it has one."""
    if isinstance(value, int):
        return {"priority": PRIORITIES[min(max(value, 0), 99) * 3 // 100]}
    return {"priority": value} if value in PRIORITIES else {}
