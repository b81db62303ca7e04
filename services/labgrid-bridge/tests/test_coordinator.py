# SPDX-License-Identifier: LGPL-2.1-or-later
from types import SimpleNamespace
from typing import Any

import pytest
from labgrid.remote.common import Place as LabgridPlace
from labgrid.remote.common import ResourceMatch

from kci_labgrid_bridge.coordinator import Coordinator


def seen(**resource: Any) -> bool:
    """Say whether a place of one resource is available, as a client would hear it."""
    entry = SimpleNamespace(cls="NetworkPowerPort", avail=True, acquired=None)
    vars(entry).update(resource)
    match = ResourceMatch.fromstr("exporter/board-1/NetworkPowerPort")
    place = LabgridPlace("board-1", matches=[match])
    client: Any = SimpleNamespace(
        places={"board-1": place},
        resources={"exporter": {"board-1": {"NetworkPowerPort": entry}}},
    )
    [found] = Coordinator(client).places()
    return found.is_available


@pytest.mark.parametrize(
    ("resource", "is_available"),
    [
        ({}, True),
        ({"acquired": "board-1"}, True),
        ({"avail": False}, False),
        ({"acquired": "<broken>"}, False),
        ({"cls": "NetworkSerialPort"}, False),
    ],
    ids=["free", "held", "gone", "broken", "other"],
)
def test_a_place_is_available_when_each_of_its_resources_works(
    resource: dict[str, Any], is_available: bool
) -> None:
    assert seen(**resource) is is_available
