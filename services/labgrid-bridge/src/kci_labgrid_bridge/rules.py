# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which places a job may run on; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from kci_shared.lab import LabError, NoDevice
from kci_shared.work.probes import Probe, bad, good, odd

Tags = dict[str, str]


@dataclass(frozen=True)
class Place:
    """A place, as the coordinator describes it."""

    name: str
    tags: Tags
    holder: str | None = None
    """Who has acquired it: `host/user`, or for a bridge `runtime/run`."""
    is_reserved: bool = False
    is_available: bool = True
    """Whether all its resources are available."""
    rests: bool = False
    """Whether a job failed there recently by a fault of the lab."""


def fitting(places: Iterable[Place], tags: Tags) -> list[Place]:
    """Return the places that have all these tags."""
    return [place for place in places if tags.items() <= place.tags.items()]


def usable(places: Iterable[Place], tags: Tags) -> list[Place]:
    """Return the available places with these tags; resting ones only if all rest."""
    available = [place for place in fitting(places, tags) if place.is_available]
    return [place for place in available if not place.rests] or available


def count_free(places: Iterable[Place], tags: Tags) -> int:
    """Return how many jobs could start now on places with these tags."""
    return sum(
        place.holder is None and not place.is_reserved for place in usable(places, tags)
    )


def count_available(places: Iterable[Place], tags: Tags) -> int:
    """Return how many places with these tags are available, busy or not."""
    return sum(place.is_available for place in fitting(places, tags))


def probe_device(platform: str, places: Iterable[Place], tags: Tags) -> Probe:
    """Return whether there is a place for jobs of a platform."""
    fit = fitting(places, tags)
    if not fit:
        text = _text(tags)
        advice = f"labgrid-client -p PLACE set-tags {text}, or correct the lab's file"
        return bad(platform, f"no place has the tags {text}", advice)
    states = ", ".join(f"{place.name} ({_state(place)})" for place in fit)
    if all(place.is_available for place in fit):
        return good(platform, states)
    advice = "start the exporter (labgrid-client resources shows what there is)"
    grade = odd if any(place.is_available for place in fit) else bad
    return grade(platform, states, advice)


def _state(place: Place) -> str:
    if not place.is_available:
        return "offline"
    if place.holder:
        return f"held by {place.holder}"
    return "reserved" if place.is_reserved else "free"


def _text(tags: Tags) -> str:
    return " ".join(f"{key}={value}" for key, value in tags.items())


def reservation(places: Iterable[Place], tags: Tags) -> Tags:
    """Return the tags to reserve a place by.

    The coordinator also allocates places whose exporter is down, and those that rest,
    and prefers them, as they are idle. If there are such places, one that works is
    reserved by its name. Raises `NoDevice` or `LabError` if no place works.
    """
    fit = fitting(places, tags)
    if not fit:
        raise NoDevice(f"no place has the tags {_text(tags)}")
    working = usable(fit, tags)
    if not working:
        names = ", ".join(place.name for place in fit)
        raise LabError(f"offline because an exporter is down: {names}")
    if len(working) == len(fit):
        return tags
    best = min(working, key=lambda place: place.holder is not None or place.is_reserved)
    return {**tags, "name": best.name}
