# SPDX-License-Identifier: LGPL-2.1-or-later
from hypothesis import given
from hypothesis import strategies as st

from kci_builder import kconfig


def test_the_last_line_of_an_option_wins() -> None:
    base = "# Automatically made\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=m\n"
    one, two = "CONFIG_B=y\nCONFIG_C=7\n", "# CONFIG_A is not set\nCONFIG_B=m\nnonsense"
    merged = kconfig.merge(base, [one, two])
    assert merged.splitlines() == [
        "# Automatically made",
        "CONFIG_AB=m",
        "CONFIG_B=m",
        "CONFIG_C=7",
        "# CONFIG_A is not set",
    ]


def test_options_that_are_not_in_the_final_configuration_are_listed() -> None:
    config = {"CONFIG_A": "y", "CONFIG_S": '"x"'}
    asked = [
        'CONFIG_A=y\nCONFIG_B=y\nCONFIG_S="y"\n',
        "CONFIG_B=m\n# CONFIG_Z is not set",
    ]
    assert kconfig.missing(asked, config) == ["CONFIG_B=m", 'CONFIG_S="y"']


NAMES = st.sampled_from(["CONFIG_A", "CONFIG_B", "CONFIG_C"])
LINES = st.lists(st.tuples(NAMES, st.sampled_from(["y", "m", "n", '"s"', "0x7"])))


@given(LINES, LINES)
def test_a_merged_configuration_has_all_options_of_its_fragment(
    base: list[tuple[str, str]], fragment: list[tuple[str, str]]
) -> None:
    text = "".join(f"{kconfig.line_of(*one)}\n" for one in base)
    on_top = "".join(f"{kconfig.line_of(*one)}\n" for one in fragment)
    merged = kconfig.options(kconfig.merge(text, [on_top]).splitlines())
    assert merged == {**dict(base), **dict(fragment)}
    assert kconfig.missing([on_top], merged) == []
