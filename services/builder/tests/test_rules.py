# SPDX-License-Identifier: LGPL-2.1-or-later

import pytest

from kci_builder import rules
from kci_shared.models import BuildDefinition


def definition(arch: str, compiler: str, **more: object) -> BuildDefinition:
    return BuildDefinition.model_validate(
        {"arch": arch, "compiler": compiler, "defconfig": "defconfig", **more}
    )


@pytest.mark.parametrize(
    ("arch", "compiler", "ccache", "words"),
    [
        ("x86_64", "gcc-12", False, "ARCH=x86_64 CC=gcc-12 HOSTCC=gcc-12"),
        ("x86_64", "gcc-12", True, "ARCH=x86_64 CC=ccache gcc-12 HOSTCC=ccache gcc-12"),
        (
            "arm64",
            "gcc-12",
            False,
            "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- "
            "CC=aarch64-linux-gnu-gcc-12 HOSTCC=gcc",
        ),
        (
            "arm64",
            "clang-19",
            False,
            "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- "
            "LLVM=-19 CC=clang-19 HOSTCC=clang-19",
        ),
        ("x86_64", "clang", False, "ARCH=x86_64 LLVM=1 CC=clang HOSTCC=clang"),
    ],
)
def test_make_gets_the_very_compiler_that_the_build_names(
    arch: str, compiler: str, ccache: bool, words: str
) -> None:
    variables = rules.variables(definition(arch, compiler), "x86_64", ccache=ccache)
    assert " ".join(f"{name}={value}" for name, value in variables.items()) == words


def test_a_native_build_needs_no_cross_compiler() -> None:
    assert rules.compiler_of(definition("arm64", "gcc-12"), "aarch64") == "gcc-12"


def test_variables_of_the_definition_win() -> None:
    asked = definition("x86_64", "clang-19", variables={"LLVM": "1", "W": "1"})
    variables = rules.variables(asked, "x86_64", ccache=False)
    assert (variables["LLVM"], variables["W"]) == ("1", "1")


@pytest.mark.parametrize(
    ("asked", "config", "has_dts", "targets"),
    [
        ([], {"CONFIG_MODULES": "y", "CONFIG_OF": "y"}, True, "Image modules dtbs"),
        ([], {"CONFIG_OF": "y"}, False, "Image"),
        (["kernel", "dtbs"], {"CONFIG_OF": "y"}, True, "Image dtbs"),
        (["modules"], {}, True, ""),
    ],
)
def test_targets_are_those_asked_for_that_the_configuration_has(
    asked: list[str], config: dict[str, str], has_dts: bool, targets: str
) -> None:
    build = definition("arm64", "gcc", targets=asked)
    assert rules.targets(build, config, has_dts=has_dts) == targets.split()
