# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest

from kci_labgrid_bridge.lab_file import SHIPPED, read_lab
from kci_shared.errors import ConfigError

GOOD = """\
coordinator: 10.0.0.5:20408
tags: {kci: 1}
devices:
  imx6dl-riotboard:
    tags: {board: riotboard}
    env: riotboard.yaml
  netboot-x86_64:
    tags: {device: netboot-x86_64}
    env: netboot-x86_64.yaml
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "riotboard.yaml").touch()
    return tmp_path / "lab.yaml"


def complaint(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_lab(file)
    return str(error.value)


def test_an_environment_file_is_found_beside_the_labs_or_among_ours(file: Path) -> None:
    file.write_text(GOOD)
    devices = read_lab(file).devices
    assert devices["imx6dl-riotboard"].env == file.with_name("riotboard.yaml")
    assert devices["netboot-x86_64"].env == SHIPPED / "netboot-x86_64.yaml"


def test_a_place_must_have_the_labs_tags_and_the_devices(file: Path) -> None:
    file.write_text(GOOD)
    assert read_lab(file).tags_of("imx6dl-riotboard") == {
        "kci": "1",
        "board": "riotboard",
    }


def test_a_misspelled_key_is_named_with_its_line(file: Path) -> None:
    said = complaint(file, GOOD.replace("env: riot", "enf: riot"))
    assert f"{file}:6: devices.imx6dl-riotboard has an unknown key 'enf'" in said
    assert f"{file}:4: devices.imx6dl-riotboard has no 'env'; add it" in said


def test_an_environment_file_that_is_not_there_is_named_with_its_line(
    file: Path,
) -> None:
    said = complaint(file, GOOD.replace("env: netboot", "env: netbot"))
    assert f"{file}:9: devices.netboot-x86_64.env is wrong: 'netbot-x86" in said
    assert "no such file: neither in" in said


def test_a_tag_must_be_one_that_labgrid_takes(file: Path) -> None:
    said = complaint(file, GOOD.replace("{board:", "{Board:"))
    assert f"{file}:5: devices.imx6dl-riotboard.tags.Board" in said


def test_a_variable_must_be_one_that_labgrid_passes_on(file: Path) -> None:
    said = complaint(file, f"variables: {{HOME: /srv}}\n{GOOD}")
    assert f"{file}:1: variables.HOME" in said


def test_what_is_not_yaml_is_told_with_its_line(file: Path) -> None:
    assert f"{file}:2: not YAML" in complaint(file, "devices:\n  a: b: c\n")


def test_an_empty_file_lacks_its_keys(file: Path) -> None:
    assert str(file) in complaint(file, "")


def test_a_file_that_is_missing_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KCI_LAB"):
        read_lab(tmp_path / "none.yaml")
