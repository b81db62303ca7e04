# SPDX-License-Identifier: LGPL-2.1-or-later
from pathlib import Path

from kci_labgrid_bridge.dialect import LabgridLab
from kci_labgrid_bridge.lab_file import Device, Lab


def test_a_bridge_registers_the_version_of_its_labgrid(tmp_path: Path) -> None:
    device = Device(tags={"device": "board"}, env=Path(__file__))
    lab = Lab(coordinator="127.0.0.1:20408", devices={"board": device})
    facts = LabgridLab(lab, "lab-x", tmp_path).facts()
    assert facts["labgrid"][0].isdigit()
