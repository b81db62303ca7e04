# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events for services: delivered at least once, and recovered if missed."""

from kci_shared.events.handling import Handler
from kci_shared.events.reconcile import Sweep
from kci_shared.events.stream import EventStream

__all__ = ["EventStream", "Handler", "Sweep"]
