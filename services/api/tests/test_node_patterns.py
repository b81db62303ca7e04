# SPDX-License-Identifier: LGPL-2.1-or-later
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kci_api.nodes.patterns import (
    MAX_STEPS,
    TEXT_CHARACTERS,
    Item,
    Pattern,
    check_pattern,
    read_pattern,
)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "boot",
        "^boot$",
        "^cov",
        "^2a98",
        "^query-[01]$",
        "^[0-9a-f]{40}$",
        "[0-9a-f]{7,40}",
        "^[0-9a-f]+$",
        r"^v6\.\d{1,2}-rc\d{1,2}$",
        "^.*-next$",
        "^kselftest-.*",
        "kselftest-[a-z]+",
        "[a-z]?boot",
        "[^/]{0,64}boot",
        r"\$\^\[",
        r"a\\$",
        "x" * 200,
        "." * 200,
        "ä",
    ],
)
def test_patterns_that_clients_use_are_accepted(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^([0-9a-f]+)+g$",
        "^(boot|smoke)$",
        "boot|smoke",
        "[a-z]*[0-9]",
        "[a-z]*$",
        "a*a*b",
        "^a*b*",
        "^ab*c",
        "a+b",
        "a*?",
        "a*+",
        "a**",
        "a{2}{3}",
        "a{1,65}",
        "a{3,2}",
        "a{2,}",
        "a{,2}",
        "a{999}",
        "(?=a)",
        r"(a)\1",
        r"\1",
        r"\bword",
        r"\Aboot",
        "a^b",
        "a$b",
        "[[:alpha:]]",
        "[a--b]",
        "[z-a]",
        "[^]",
        "[",
        "]",
        "(((",
        "*",
        "^*",
        "a\\",
        "a\0",
        "[a\0]",
        r"a\$*b",
        "x" * 201,
        "a{0,64}a{0,64}b",
        "a?" * 20 + "b",
    ],
)
def test_anything_else_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"regular expression|too many ways"):
        check_pattern(pattern)


def test_a_refusal_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"'\('.*allowed are characters.*no groups"):
        check_pattern("(a)")


SINGLES = st.sampled_from(["a", "b", ".", "[ab]", "[^b]", r"\w", r"\."])
TIMES = st.sampled_from(["", "?", "{2}", "{0,3}", "{1,2}", "{0,64}", "*", "+"])
ITEMS = st.lists(st.builds(str.__add__, SINGLES, TIMES), max_size=8).map("".join)
PATTERNS = st.builds(
    lambda begin, items, end: begin + items + end,
    st.sampled_from(["", "^"]),
    ITEMS,
    st.sampled_from(["", "$"]),
)
ADVERSARIAL = st.builds(
    lambda character, length, end: character * length + end,
    st.sampled_from("ab"),
    st.integers(0, 40),
    st.sampled_from(["", "a", "b", "."]),
)


@given(PATTERNS, ADVERSARIAL | st.text("ab.", max_size=20))
def test_a_search_takes_no_more_steps_than_its_pattern_says(
    pattern: str, text: str
) -> None:
    try:
        parts = read_pattern(pattern)
        check_pattern(pattern)
    except ValueError:
        return
    assert parts.steps(TEXT_CHARACTERS) <= MAX_STEPS
    search = Search(parts, text)
    assert search.finds() == (re.search(pattern, text) is not None)
    assert search.steps <= parts.steps(len(text))


@given(st.text("ab^$.*+?{}()[]|\\1,2-", max_size=12))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    try:
        check_pattern(text)
    except ValueError:
        return
    re.compile(text)


class Search:
    """Matches by backtracking, as MongoDB and `re` do without their optimizations."""

    def __init__(self, pattern: Pattern, text: str) -> None:
        self._pattern = pattern
        self._text = text
        self.steps = 0

    def finds(self) -> bool:
        """Return whether the pattern matches anywhere."""
        begins = range(1 if self._pattern.anchored else len(self._text) + 1)
        return any(self._rest_matches(begin, self._pattern.items) for begin in begins)

    def _rest_matches(self, begin: int, items: tuple[Item, ...]) -> bool:
        if not items:
            self.steps += 1
            return not self._pattern.ends or begin == len(self._text)
        first, rest = items[0], items[1:]
        most = self._repeated(begin, first)
        return any(
            self._rest_matches(begin + times, rest)
            for times in range(most, first.least - 1, -1)
        )

    def _repeated(self, begin: int, item: Item) -> int:
        single = re.compile(item.single)
        most = len(self._text) if item.most is None else item.most
        for times in range(most):
            self.steps += 1
            if not single.match(self._text, begin + times):
                return times
        return most
