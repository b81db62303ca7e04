# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a test runs."""

from typing import Any

import pytest

from kci_shared.config import Config, Placement, placements, refusals
from kci_shared.models import Revision

REVISION = Revision(tree="demo", url="https://x", branch="master", commit="c0ffee")

BOARD = {"arch": "arm64", "boot": "u-boot", "compatible": ["acme,one", "acme,soc"]}


def config(test: dict[str, Any], lab: dict[str, Any]) -> Config:
    return Config.model_validate(
        {
            "tests": {"boot": {"needs": "build/x", **test}},
            "platforms": {"board": BOARD, "qemu": {"arch": "x86_64"}},
            "labs": {"lab": {"type": "lava", "platforms": ["board", "qemu"], **lab}},
        }
    )


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
    reasons = [*refusals(config(test, lab), place, REVISION, "arm64")]
    assert (not reasons) == fits, reasons


def test_a_build_runs_only_on_platforms_of_its_arch() -> None:
    built_for_arm = [
        place.platform
        for place in placements(config({}, {}), "boot")
        if not [*refusals(config({}, {}), place, REVISION, "arm64")]
    ]
    assert built_for_arm == ["board"]


def test_every_reason_is_told() -> None:
    demanding = config({"on": {"boot": "grub"}}, {"tests": ["smoke"]})
    place = Placement("boot", "lab", "qemu")
    assert [*refusals(demanding, place, REVISION, "arm64")] == [
        "the platform is x86_64, the build arm64",
        "the platform's boot is not said, not grub",
        "the lab takes only smoke",
    ]
