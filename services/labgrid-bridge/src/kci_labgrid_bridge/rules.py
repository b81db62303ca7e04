# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which places a job may have; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from kci_shared.lab import LabError, NoDevice
from kci_shared.work.probes import Probe, bad, good, odd

Tags = dict[str, str]


@dataclass(frozen=True)
class Place:
    """What the coordinator says of a place."""

    name: str
    tags: Tags
    holder: str | None = None
    """Who has acquired it."""
    is_reserved: bool = False
    is_available: bool = True
    """Whether each resource that it should have is there."""
    rests: bool = False
    """Whether it had trouble lately."""


def fitting(places: Iterable[Place], tags: Tags) -> list[Place]:
    """Return the places that have all these tags."""
    return [place for place in places if tags.items() <= place.tags.items()]


def usable(places: Iterable[Place], tags: Tags) -> list[Place]:
    """Return the places with these tags that work; those that rest, if all do."""
    good = [place for place in fitting(places, tags) if place.is_available]
    return [place for place in good if not place.rests] or good


def count_free(places: Iterable[Place], tags: Tags) -> int:
    """Tell how many jobs could start now on places with these tags."""
    return sum(
        place.holder is None and not place.is_reserved for place in usable(places, tags)
    )


def count_good(places: Iterable[Place], tags: Tags) -> int:
    """Tell how many places with these tags work, whoever has them."""
    return sum(place.is_available for place in fitting(places, tags))


def probe_device(platform: str, places: Iterable[Place], tags: Tags) -> Probe:
    """Tell whether jobs of a platform find a place."""
    fit = fitting(places, tags)
    if not fit:
        wanted = _said(tags)
        advice = f"labgrid-client -p PLACE set-tags {wanted}, or correct the lab's file"
        return bad(platform, f"no place has the tags {wanted}", advice)
    said = ", ".join(f"{place.name} ({_state(place)})" for place in fit)
    if all(place.is_available for place in fit):
        return good(platform, said)
    advice = "start the exporter (labgrid-client resources shows what there is)"
    grade = odd if any(place.is_available for place in fit) else bad
    return grade(platform, said, advice)


def _state(place: Place) -> str:
    if not place.is_available:
        return "offline"
    if place.holder:
        return f"held by {place.holder}"
    return "reserved" if place.is_reserved else "free"


def _said(tags: Tags) -> str:
    return " ".join(f"{key}={value}" for key, value in tags.items())


def reservation(places: Iterable[Place], tags: Tags) -> Tags:
    """Return what to ask the coordinator for, to get a place that works.

    It hands out places whose exporter is down, too, and those that had trouble, and
    first of all: nobody uses them. So with such a place around a good one is asked for
    by its name.
    """
    fit = fitting(places, tags)
    if not fit:
        raise NoDevice(f"no place has the tags {_said(tags)}")
    good = usable(fit, tags)
    if not good:
        names = ", ".join(place.name for place in fit)
        raise LabError(f"offline, for an exporter is down: {names}")
    if len(good) == len(fit):
        return tags
    best = min(good, key=lambda place: place.holder is not None or place.is_reserved)
    return {**tags, "name": best.name}
