# SPDX-License-Identifier: LGPL-2.1-or-later
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kci_builder import rules
from kci_shared.models import BuildDefinition


def definition(arch: str, compiler: str, **more: Any) -> BuildDefinition:
    return BuildDefinition.model_validate(
        {"arch": arch, "compiler": compiler, "defconfig": "defconfig", **more}
    )


@pytest.mark.parametrize(
    ("arch", "compiler", "ccache", "said"),
    [
        ("x86_64", "gcc-12", False, "ARCH=x86_64 CC=gcc-12 HOSTCC=gcc-12"),
        ("x86_64", "gcc-12", True, "ARCH=x86_64 CC=ccache gcc-12 HOSTCC=ccache gcc-12"),
        (
            *("arm64", "gcc-12", False),
            "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- "
            "CC=aarch64-linux-gnu-gcc-12 HOSTCC=gcc",
        ),
        (
            *("arm64", "clang-19", False),
            "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- "
            "LLVM=-19 CC=clang-19 HOSTCC=clang-19",
        ),
        ("x86_64", "clang", False, "ARCH=x86_64 LLVM=1 CC=clang HOSTCC=clang"),
    ],
)
def test_make_is_told_the_very_compiler_that_was_asked_for(
    arch: str, compiler: str, ccache: bool, said: str
) -> None:
    found = rules.variables(definition(arch, compiler), "x86_64", ccache=ccache)
    assert " ".join(f"{name}={value}" for name, value in found.items()) == said


def test_on_its_own_machine_an_arch_needs_no_cross_compiler() -> None:
    assert rules.compiler_of(definition("arm64", "gcc-12"), "aarch64") == "gcc-12"


def test_a_definition_has_the_last_word() -> None:
    asked = definition("x86_64", "clang-19", variables={"LLVM": "1", "W": "1"})
    found = rules.variables(asked, "x86_64", ccache=False)
    assert (found["LLVM"], found["W"]) == ("1", "1")


@pytest.mark.parametrize(
    ("wanted", "config", "has_dts", "made"),
    [
        ([], {"CONFIG_MODULES": "y", "CONFIG_OF": "y"}, True, "Image modules dtbs"),
        ([], {"CONFIG_OF": "y"}, False, "Image"),
        (["kernel", "dtbs"], {"CONFIG_OF": "y"}, True, "Image dtbs"),
        (["modules"], {}, True, ""),
    ],
)
def test_what_is_made_is_wanted_and_there(
    wanted: list[str], config: dict[str, str], has_dts: bool, made: str
) -> None:
    asked = definition("arm64", "gcc", targets=wanted)
    assert rules.targets(asked, config, has_dts=has_dts) == made.split()


def test_the_last_word_on_an_option_counts() -> None:
    base = "# Automatically made\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_AB=m\n"
    one, two = "CONFIG_B=y\nCONFIG_C=7\n", "# CONFIG_A is not set\nCONFIG_B=m\nnonsense"
    merged = rules.merged(base, [one, two])
    assert merged.splitlines() == [
        "# Automatically made",
        "CONFIG_AB=m",
        "CONFIG_B=m",
        "CONFIG_C=7",
        "# CONFIG_A is not set",
    ]


def test_what_did_not_stick_is_named() -> None:
    config = {"CONFIG_A": "y", "CONFIG_S": '"x"'}
    asked = [
        'CONFIG_A=y\nCONFIG_B=y\nCONFIG_S="y"\n',
        "CONFIG_B=m\n# CONFIG_Z is not set",
    ]
    assert rules.not_kept(asked, config) == ["CONFIG_B=m", 'CONFIG_S="y"']


NAMES = st.sampled_from(["CONFIG_A", "CONFIG_B", "CONFIG_C"])
LINES = st.lists(st.tuples(NAMES, st.sampled_from(["y", "m", "n", '"s"', "0x7"])))


@given(LINES, LINES)
def test_a_merged_configuration_says_what_its_fragment_says(
    base: list[tuple[str, str]], fragment: list[tuple[str, str]]
) -> None:
    text = "".join(f"{rules._line(*one)}\n" for one in base)
    on_top = "".join(f"{rules._line(*one)}\n" for one in fragment)
    merged = rules.options(rules.merged(text, [on_top]).splitlines())
    assert merged == {**dict(base), **dict(fragment)}
    assert rules.not_kept([on_top], merged) == []


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("as: write: No space left on device", "No space left on device"),
        ("/bin/sh: line 1: bison: command not found", "bison is not installed"),
        ("/bin/sh: 1: aarch64-linux-gnu-gcc-12: not found", "aarch64-linux-gnu-gcc-12"),
        ("a.c:1:10: fatal error: gelf.h: No such file or directory", "gelf.h is not"),
        ("/bin/sh: 1: scripts/my-tool: not found", None),
        ("a.c:1:10: fatal error: linux/of.h: No such file or directory", None),
        ("a.c:3:1: error: 'not found' undeclared", None),
    ],
)
def test_what_the_machine_lacks_is_not_the_kernels_fault(
    log: str, reason: str | None
) -> None:
    found = rules.builders_fault(log)
    assert found is None if reason is None else str(found).startswith(reason)


def test_the_first_cause_is_told_not_what_make_makes_of_it() -> None:
    log = (
        "  CC a.o\nmake[1]: *** [Makefile:9: b.o] Error 1\n"
        "a.c:3:9: error: expected ';'\nb.c:1:1: error: no\nmake: *** [all] Error 2\n"
    )
    assert rules.first_error(log) == "a.c:3:9: error: expected ';'"
    assert str(rules.first_error("make: *** No rule\n")).startswith("make: ***")
    assert rules.first_error("all well") is None
