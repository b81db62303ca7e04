# SPDX-License-Identifier: LGPL-2.1-or-later
"""`extends` and `template`: an entry inherits the keys that it does not have itself.

This happens before validation, so that a base may be incomplete.
"""

from typing import Any

from kci_shared.config.source import Source
from kci_shared.problems import suggest

MERGED = frozenset({"on", "params", "retry", "variables", "when"})
"""Mappings that are inherited key by key; all other values are inherited whole."""
BASES = {"extends": None, "template": "templates"}
"""The section of the entry that a key names; None: its own."""
SECTIONS = ("builds", "templates", "tests")

Entry = dict[str, Any]


def extend(source: Source) -> None:
    """Add what entries inherit; unknown bases and circles become problems."""
    completed: dict[tuple[str, str], Entry] = {}
    for section in SECTIONS:
        entries = source.values.get(section, {})
        for name in entries:
            _complete(source, (section, name), completed, [])
    for (section, name), entry in completed.items():
        source.values[section][name] = entry


def _complete(
    source: Source,
    at: tuple[str, str],
    completed: dict[tuple[str, str], Entry],
    way: list[tuple[str, str]],
) -> Entry:
    """Return an entry with all that it inherits."""
    section, name = at
    entry = source.values[section][name]
    if at in completed or not isinstance(entry, dict):
        return completed.get(at, {})
    whole: Entry = {}
    for key, elsewhere in BASES.items():
        base = entry.get(key)
        if not isinstance(base, str) or (key == "template" and section != "tests"):
            continue
        of = (elsewhere or section, base)
        if of in (*way, at):
            what = f"'{name}' extends itself"
            source.complain((*at, key), what, "remove one of the bases")
        elif base not in (known := source.values.get(of[0], {})):
            what = f"'{name}' has unknown {key} '{base}'"
            source.complain((*at, key), what, suggest(base, known))
        else:
            whole = merged(whole, _complete(source, of, completed, [*way, at]))
    whole = merged(whole, {k: v for k, v in entry.items() if k != "extends"})
    completed[at] = whole
    return whole


def merged(base: Entry, entry: Entry) -> Entry:
    """Return an entry with the keys of a base that it does not have itself."""
    both = {**base, **entry}
    for key in MERGED & base.keys() & entry.keys():
        if isinstance(base[key], dict) and isinstance(entry[key], dict):
            both[key] = {**base[key], **entry[key]}
    return both
