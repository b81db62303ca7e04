# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs."""

from typing import Any

import pytest

from kci_shared.config import (
    Candidate,
    Config,
    Placement,
    Placements,
    placements,
    rulings,
)
from kci_shared.models import Revision

REVISION = Revision(tree="demo", url="https://x", branch="master", commit="c0ffee")

BOARD: dict[str, Any] = {
    "arch": "arm64",
    "boot": "u-boot",
    "compatible": ["acme,one", "acme,soc"],
}
BOARD["tags"] = ["fast"]


def config(test: dict[str, Any], lab: dict[str, Any]) -> Config:
    return Config.model_validate(
        {
            "tests": {"boot": {"needs": "build/x", **test}},
            "platforms": {"board": BOARD, "qemu": {"arch": "x86_64"}},
            "labs": {"lab": {"type": "lava", "platforms": ["board", "qemu"], **lab}},
        }
    )


def against(config: Config, place: Placement) -> list[str]:
    """List the rules that a build for arm64 does not fulfil in a place."""
    candidate = Candidate(REVISION, "arm64", "gcc-12", "defconfig", ())
    found = rulings(config, place, candidate)
    return [f"{one.rule}: {one.why}" for one in found if not one.holds]


@pytest.mark.parametrize(
    ("test", "lab", "fits"),
    [
        ({}, {}, True),
        ({"on": {"boot": "any"}}, {}, True),
        ({"on": {"boot": ["grub", "u-boot"]}}, {}, True),
        ({"on": {"boot": "grub"}}, {}, False),
        ({"on": {"dtb": "any"}}, {}, False),
        ({"on": {"arch": ["arm64"], "compatible": "acme,soc"}}, {}, True),
        ({"when": {"tree": ["!demo"]}}, {}, False),
        ({}, {"when": {"branch": ["next"]}}, False),
        ({}, {"tests": ["bo*"]}, True),
        ({}, {"tests": ["smoke"]}, False),
    ],
)
def test_platform_test_and_lab_must_all_agree(
    test: dict[str, Any], lab: dict[str, Any], fits: bool
) -> None:
    place = Placement("boot", "lab", "board")
    reasons = against(config(test, lab), place)
    assert (not reasons) == fits, reasons


def test_a_build_runs_only_on_platforms_of_its_arch() -> None:
    built_for_arm = [
        place.platform
        for place in placements(config({}, {}), "boot")
        if not against(config({}, {}), place)
    ]
    assert built_for_arm == ["board"]


def test_every_reason_is_told() -> None:
    demanding = config({"on": {"boot": "grub"}}, {"tests": ["smoke"]})
    place = Placement("boot", "lab", "qemu")
    assert against(demanding, place) == [
        "the lab's tests: it takes smoke",
        "the test's on.boot: the platform's boot is not set, required: grub",
        "arch: the platform is x86_64, the build arm64",
    ]


@pytest.mark.parametrize(
    ("lab", "takes"),
    [
        ({"platforms": {"board": {"tests": "boot"}}, "tests": "other"}, True),
        ({"platforms": {"board": {"tests": []}}}, False),
        ({"platforms": {"board": None}, "tests": ["!boot"]}, False),
        ({"platforms": {"board": None}, "tests": ["!other"]}, True),
        ({"platforms": {"board": None}, "tests": ["b*", "!boot"]}, False),
    ],
)
def test_a_lab_says_what_it_takes_and_where(lab: dict[str, Any], takes: bool) -> None:
    taken = Placements(config({}, lab)).of("boot")
    assert taken == ([Placement("boot", "lab", "board")] if takes else [])


@pytest.mark.parametrize(
    ("on", "fits"),
    [
        ({"name": ["bo*"]}, True),
        ({"name": "qemu"}, False),
        ({"tags": "fast"}, True),
        ({"dt": True}, False),
        ({"dt": False}, True),
        ({"mach": "none"}, True),
        ({"boot": False}, False),
    ],
)
def test_on_asks_for_names_words_and_what_must_not_be(
    on: dict[str, Any], fits: bool
) -> None:
    places = Placements(config({"on": on}, {})).of("boot")
    assert (Placement("boot", "lab", "board") in places) == fits


def test_a_platform_may_boot_kernels_of_several_archs_or_of_any() -> None:
    wide = config({}, {}).model_dump()
    wide["platforms"]["board"]["arch"] = ["arm64", "arm"]
    wide["platforms"]["qemu"]["arch"] = []
    several = Config.model_validate(wide)
    places = [Placement("boot", "lab", name) for name in ("board", "qemu")]
    assert [against(several, place) for place in places] == [[], []]


def test_a_platform_leaves_out_kernels_that_it_cannot_boot() -> None:
    configured = config({}, {}).model_dump()
    configured["platforms"]["board"]["when"] = {"tree": "!demo"}
    place = Placement("boot", "lab", "board")
    assert against(Config.model_validate(configured), place) == [
        "the platform's when.tree: demo is denied by '!demo'"
    ]


def test_what_needs_no_platform_has_one_place() -> None:
    configured = config({"run": "lab"}, {})
    assert [*placements(configured, "boot")] == [Placement("boot", "lab", "shell")]
