# SPDX-License-Identifier: LGPL-2.1-or-later
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kci_lava_bridge.results import read_cases
from kci_lava_bridge.safe_yaml import read_yaml
from kci_shared.lab import LabError
from kci_shared.models import Result

BOMB = """
- &a [x, x, x, x, x, x, x, x, x]
- &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
- &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
- &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
- &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
- &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
- &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
- &h [*g, *g, *g, *g, *g, *g, *g, *g, *g]
- {name: *h, suite: *h, result: *h}
- {name: fine, suite: *h, result: *h, metadata: *h, measurement: *h, id: *h}
"""


def test_what_grows_without_end_is_left_out() -> None:
    [case] = read_cases([BOMB])
    assert (case.name, case.suite, case.result) == ("fine", "", Result.INCOMPLETE)


def test_a_decimal_is_a_number_and_no_tag_runs_anything() -> None:
    [case] = read_cases(
        [
            """
- name: speed
  suite: 1_net
  result: pass
  unit: Mbit
  measurement: !!python/object/apply:decimal.Decimal ['2.5000000000']
  metadata: {reference: !!python/object/apply:os.system ['touch /tmp/x']}
"""
        ]
    )
    assert (case.measurement, case.unit, case.suite_name) == (2.5, "Mbit", "net")


@pytest.mark.parametrize("value", ["None", "''", "nan", "inf", "1e999", "x", "[1]"])
def test_what_is_no_measurement_is_none(value: str) -> None:
    [case] = read_cases([f"- {{name: a, measurement: {value}}}"])
    assert case.measurement is None


@pytest.mark.parametrize(
    "text", ["a: b: c", "- [", "\x00", "- !!int x", "[" * 99_999, "{<<: {a: 1}}"]
)
def test_what_is_no_yaml_is_the_labs_fault(text: str) -> None:
    with pytest.raises(LabError, match="invalid YAML"):
        read_yaml(text)


def test_a_number_too_long_to_be_said_is_none() -> None:
    [case] = read_cases([f"- {{name: a, unit: 0x{'f' * 9999}}}"])
    assert case.unit is None


@given(st.binary(max_size=80))
@example(b"1")
@example(b"- !!int ''")
@example(b"- !!bool x")
@example(b"- !!timestamp x")
@example(b"- {? [a] : b}")
def test_nothing_that_lava_sends_breaks_the_reader(raw: bytes) -> None:
    with suppress(LabError):
        read_cases([raw])
