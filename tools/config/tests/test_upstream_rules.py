# SPDX-License-Identifier: LGPL-2.1-or-later
"""How single values of KernelCI's configuration are translated."""

import pytest

from kci_config.upstream import rules
from kci_config.upstream.report import Category, Report

DEFINED = {"tree": {"mainline", "next"}}


def test_versions_become_one_condition_on_the_kernel() -> None:
    limits = {
        "min_version": {"version": 5, "patchlevel": 10},
        "max_version": {"version": 6},
    }
    when = rules.when(limits, DEFINED, Report(), "jobs.x")
    assert when == {"kernel": ">=5.10 <=6.0"}


def test_a_rule_without_a_counterpart_is_reported() -> None:
    report = Report()
    assert rules.when({"weather": ["rain"]}, DEFINED, report, "jobs.x") == {}
    assert report.findings == {
        (Category.LEFT_OUT, "a rule about 'weather'"): ["jobs.x"]
    }


def test_conditions_of_two_places_must_both_hold() -> None:
    one = {"kernel": ">=5.10", "tree": ["!next"]}
    other = {"kernel": "<=6.1", "tree": ["mainline"], "arch": ["arm64"]}
    assert rules.both(one, other) == {
        "kernel": ">=5.10 <=6.1",
        "tree": ["!next", "mainline"],
        "arch": ["arm64"],
    }


def test_two_lists_of_allowed_values_cannot_be_joined() -> None:
    with pytest.raises(rules.Never, match="two lists of allowed values of tree"):
        rules.both({"tree": ["next"]}, {"tree": ["mainline"]})


@pytest.mark.parametrize(
    ("value", "listed"), [(None, []), ("a", ["a"]), (["a", 1], ["a", "1"])]
)
def test_one_value_or_several_become_a_list(value: object, listed: list[str]) -> None:
    assert rules.listed(value) == listed


def test_nested_parameters_become_json() -> None:
    params = {"a": 1, "b": ["x"], "c": {"d": [1]}, "e": None}
    assert rules.plain(params) == {"a": 1, "b": ["x"], "c": '{"d": [1]}'}


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (0, {"priority": "low"}),
        (50, {"priority": "medium"}),
        (1000, {"priority": "high"}),
        ("high", {"priority": "high"}),
        ("urgent", {}),
        (None, {}),
    ],
)
def test_a_number_becomes_one_of_three_priorities(
    value: object, priority: dict[str, str]
) -> None:
    assert rules.priority(value) == priority
