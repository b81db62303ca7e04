# SPDX-License-Identifier: LGPL-2.1-or-later
"""The regular expressions that a query may use: a subset whose cost is bounded.

MongoDB matches by backtracking, as Python's `re` does: an ordinary expression can keep
it busy for hours. In this subset the number of steps follows from the pattern.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PATTERN_CHARACTERS = 200
MAX_TIMES = 64
"""The greatest `n` of `{m,n}`."""
TEXT_CHARACTERS = 4096
"""The length of text for which the steps are bounded."""
MAX_STEPS = 1024 * TEXT_CHARACTERS
"""Python's `re` takes 14 ms for the worst patterns of this many steps."""
ALLOWED = (
    "allowed are characters, classes, `.`, `^` first, `$` last,"
    f" `?`, `{{m}}` and `{{m,n}}` up to {MAX_TIMES} after one of them, and one `*` or"
    " `+` on the first item after `^`, or at the very end; no groups, no `|`"
)

ESCAPED = r"\\(?:[dDsSwW]|[ -/:-@\[-`{-~])"
CLASS = rf"\[\^?(?:{ESCAPED}|[^\\\[\]])+\]"
ITEM = re.compile(
    rf"(?P<single>{ESCAPED}|{CLASS}|[^\\\[\](){{}}*+?|^$])"
    r"(?P<times>[*+?]|\{\d{1,2}(?:,\d{1,2})?\})?"
)
SET_OPERATION = re.compile(r"--|&&|~~|\|\|")
"""Inside a class: reserved in Python, of two meanings in PCRE2."""
TIMES = {"": (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}


@dataclass(frozen=True)
class Item:
    """One character or class, and how often it may occur."""

    single: str
    least: int
    most: int | None
    """None: any number of times."""


@dataclass(frozen=True)
class Pattern:
    """A regular expression in parts."""

    anchored: bool
    """It matches at the begin of a text only."""
    items: tuple[Item, ...]
    ends: bool
    """It matches up to the end of a text only."""

    def steps(self, characters: int) -> int:
        """Return how many steps it takes at most to search a text of this length.

        A step compares one character, or tries the rest of the pattern once.
        """
        items, steps = self.items, characters + 1
        if items and items[-1].most is None and not self.ends:
            # reached once: whatever follows, it matches
            items, steps = (*items[:-1], _once(items[-1])), 2 * steps
        tries = 1 if self.anchored else characters + 1
        return steps + tries * _steps_of_try(items, characters)


def _steps_of_try(items: tuple[Item, ...], characters: int) -> int:
    """Return how many steps it takes at most to match at one place."""
    paths = steps = 1
    for item in items:
        most = characters if item.most is None else item.most
        steps += paths * max(most, 1)
        paths *= most - item.least + 1
    return steps + paths


def check_pattern(text: str) -> None:
    """Raise `ValueError`, which says what is allowed, for any other expression."""
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise ValueError(
            f"a regular expression over {MAX_PATTERN_CHARACTERS} characters: shorten it"
        )
    pattern = read_pattern(text)
    if pattern.steps(TEXT_CHARACTERS) > MAX_STEPS:
        raise ValueError("too many ways to match it: use fewer or smaller repetitions")


def read_pattern(text: str) -> Pattern:
    """Return the parts of an expression; `ValueError` if it is not in the subset."""
    anchored = text.startswith("^")
    body = text.removeprefix("^")
    ends = body.endswith("$") and not _is_escaped(body, len(body) - 1)
    items = tuple(_items(body.removesuffix("$") if ends else body))
    repeated = [number for number, item in enumerate(items) if item.most is None]
    last = -1 if ends else len(items) - 1
    if len(repeated) > 1 or not all(
        number == last or (anchored and number == 0) for number in repeated
    ):
        raise _not_allowed("`*` or `+`")
    _compile(text)
    return Pattern(anchored, items, ends)


def _items(text: str) -> Iterator[Item]:
    position = 0
    while position < len(text):
        item = ITEM.match(text, position)
        if item is None:
            raise _not_allowed(f"{text[position]!r} at this place")
        yield _item(item["single"], item["times"] or "")
        position = item.end()


def _item(single: str, times: str) -> Item:
    if "\0" in single:
        raise ValueError("a regular expression with a zero byte")
    if single.startswith("[") and SET_OPERATION.search(single):
        raise _not_allowed(f"the class {single}")
    if times in TIMES:
        return Item(single, *TIMES[times])
    first, _, second = times.strip("{}").partition(",")
    least, most = int(first), int(second or first)
    if not least <= most <= MAX_TIMES:
        raise _not_allowed(times)
    return Item(single, least, most)


def _once(item: Item) -> Item:
    return Item(item.single, item.least, 1)


def _is_escaped(text: str, position: int) -> bool:
    before = text[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _compile(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _not_allowed(what: str) -> ValueError:
    return ValueError(f"a regular expression with {what}: {ALLOWED}")
