# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels to other systems: a broken channel is not the fault of its messages."""

from kci_shared.channels.breaker import Breaker, Outage
from kci_shared.channels.channel import About, Channel, Probe
from kci_shared.channels.http import ChannelClient, TokenAuth
from kci_shared.channels.openings import (
    all_up,
    pass_while_up,
    patiently,
    require_all,
)
from kci_shared.channels.sightings import Sighting, Verdict

__all__ = [
    "About",
    "Breaker",
    "Channel",
    "ChannelClient",
    "Outage",
    "Probe",
    "Sighting",
    "TokenAuth",
    "Verdict",
    "all_up",
    "pass_while_up",
    "patiently",
    "require_all",
]
