# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

import pytest
from pydantic import BaseModel

from kci_shared.errors import ConfigError
from kci_shared.lab.labfile import LAB_ENTRY, read_lab_file


class Device(BaseModel):
    model_config = LAB_ENTRY

    address: str


class Lab(BaseModel):
    model_config = LAB_ENTRY

    devices: dict[str, Device]


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the mistakes in a lab's file, each from its line on."""
    file = folder / "lab.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_lab_file(file, Lab)
    return [line.removeprefix(f"{file}:") for line in str(error.value).splitlines()]


def test_what_looks_like_a_time_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("devices:\n  a: {address: 10:20:30}\n  b: {address: 0755}\n")
    devices = read_lab_file(file, Lab).devices
    assert devices["a"].address == "10:20:30"


def test_a_second_device_of_one_name_is_an_error_with_its_line(tmp_path: Path) -> None:
    text = "devices:\n  a: {address: x}\n  a: {address: y}\n"
    [mistake] = mistakes(tmp_path, text)
    assert mistake.startswith("3: 'devices.a' is already in ")
    assert mistake.endswith("lab.yaml:2; rename or remove one of them")


def test_each_mistake_is_named_with_its_line_and_a_remedy(tmp_path: Path) -> None:
    text = "devices:\n  a: {addres: x}\n  b:\n    address: [1]\n"
    assert mistakes(tmp_path, text) == [
        "2: devices.a has an unknown key 'addres'; did you mean 'address'?",
        "2: devices.a has no 'address'; add it",
        "4: devices.b.address is wrong; input should be a valid string",
    ]


def test_a_file_that_is_no_mapping_is_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "- a\n") == [
        "1: not a mapping of keys to values; write `key: value`"
    ]


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory: set KCI_LAB"):
        read_lab_file(tmp_path / "none.yaml", Lab)
