# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must hold when all is over; each check names what it found amiss."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from drill.writers import Notes

MANY = 5


@dataclass(frozen=True)
class Outcome:
    """All that is left in the stores, and all that was heard."""

    notes: Notes
    nodes: list[dict[str, Any]]
    history: list[dict[str, Any]]
    """In the order of their places."""
    stream: list[str]
    heard: dict[str, list[str]]
    """The ids that each listener heard; of a service those that it had not yet."""


def faults(outcome: Outcome) -> Iterator[str]:
    """Say all that is wrong."""
    ids = [event["_id"] for event in outcome.history]
    yield from _history_faults(outcome, ids)
    yield from _node_faults(outcome)
    yield from _once_faults(outcome.nodes)
    yield from outcome.notes.server_errors
    if outcome.stream != ids[len(ids) - len(outcome.stream) :]:
        yield "the stream is not the end of the history"
    for name, heard in outcome.heard.items():
        yield from _listener_faults(name, heard, ids)


def _history_faults(outcome: Outcome, ids: list[str]) -> Iterator[str]:
    places = [event["sequence"] for event in outcome.history]
    if places != list(range(1, len(places) + 1)):
        yield "the places of the history have gaps"
    yield from _order_faults("history", ids)
    acknowledged = {f"{node}-{version}" for node, version in outcome.notes.versions}
    yield from _some("acknowledged, but without event", acknowledged - set(ids))
    latest = {f"{node['_id']}-{node['version']}" for node in outcome.nodes}
    yield from _some("changed without event", latest - set(ids))
    told = {event.rpartition("-")[0] for event in ids}
    yield from _some(
        "told, but not there", told - {str(n["_id"]) for n in outcome.nodes}
    )
    waiting = {str(node["_id"]) for node in outcome.nodes if node.get("outbox")}
    yield from _some("events that still wait", waiting)


def _node_faults(outcome: Outcome) -> Iterator[str]:
    nodes = {str(node["_id"]): node for node in outcome.nodes}
    notes = outcome.notes
    lost = [
        f"{node}.{key}"
        for (node, key), value in notes.data.items()
        if nodes.get(node, {}).get("data", {}).get(key) != value
    ]
    yield from _some("lost updates", lost)
    # another result may follow, even one whose answer got lost: but no other state
    told = {event["_id"]: event["event"]["data"] for event in outcome.history}
    ended = [
        one
        for one, result in notes.done.items()
        if told.get(one, {}).get("result") != result
        or nodes[one.rpartition("-")[0]]["state"] != "done"
    ]
    yield from _some("not as they ended", ended)
    by_key = {node.get("idempotency_key"): str(node["_id"]) for node in outcome.nodes}
    strays = [key for key, node in notes.keys.items() if by_key.get(key) != node]
    yield from _some("keys of other nodes", strays)


def _once_faults(nodes: list[dict[str, Any]]) -> Iterator[str]:
    keys = Counter(n["idempotency_key"] for n in nodes if n.get("idempotency_key"))
    tests = Counter((n["parent"], n["name"]) for n in nodes if n["kind"] == "test")
    # each checkout was sent once, or has a key
    sent = Counter(n["data"]["by"] for n in nodes if "by" in n["data"])
    for what, counted in (("keys", keys), ("tests", tests), ("requests", sent)):
        twice = [str(one) for one, count in counted.items() if count > 1]
        yield from _some(f"{what} that are there twice", twice)
    trees = Counter(
        (n["parent"], n["name"].rpartition("_")[0])
        for n in nodes
        if n["kind"] == "test" and "_" in n["name"]
    )
    yield from _some("half trees", [str(t) for t, count in trees.items() if count != 5])


def _listener_faults(name: str, heard: list[str], ids: list[str]) -> Iterator[str]:
    yield from _some(f"{name}: not heard", set(ids) - set(heard))
    yield from _some(f"{name}: heard, but not in the history", set(heard) - set(ids))
    yield from _order_faults(name, heard)


def _order_faults(name: str, ids: Iterable[str]) -> Iterator[str]:
    """Each node's versions must come in order, each once."""
    versions: Counter[str] = Counter()
    for one in ids:
        node, _, version = one.rpartition("-")
        versions[node] += 1
        if int(version) != versions[node]:
            yield f"{name}: {one} is out of order"
            return


def _some(what: str, which: Iterable[str]) -> Iterator[str]:
    found = sorted(which)
    if found:
        yield f"{len(found)} {what}: {', '.join(found[:MANY])}"
