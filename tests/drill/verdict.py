# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must be true after a drill; each check returns the faults it found."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from drill.writers import Notes

SHOWN = 5
"""How many examples of a fault are printed."""


@dataclass(frozen=True)
class Outcome:
    """The content of the stores afterwards, and all events that were received."""

    notes: Notes
    nodes: list[dict[str, Any]]
    history: list[dict[str, Any]]
    """In order of their sequence numbers."""
    stream: list[str]
    received: dict[str, list[str]]
    """The ids that each listener received; without repeated deliveries to a service."""


def faults(outcome: Outcome) -> Iterator[str]:
    """Return a message for each fault."""
    ids = [event["_id"] for event in outcome.history]
    yield from _history_faults(outcome, ids)
    yield from _node_faults(outcome)
    yield from _once_faults(outcome.nodes)
    yield from outcome.notes.server_errors
    if outcome.stream != ids[len(ids) - len(outcome.stream) :]:
        yield "the stream is not the end of the history"
    for name, ids_of in outcome.received.items():
        yield from _listener_faults(name, ids_of, ids)


def _history_faults(outcome: Outcome, ids: list[str]) -> Iterator[str]:
    numbers = [event["sequence"] for event in outcome.history]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "the sequence numbers of the history have gaps"
    yield from _order_faults("history", ids)
    acknowledged = {f"{node}-{version}" for node, version in outcome.notes.versions}
    yield from _some("acknowledged, but without event", acknowledged - set(ids))
    latest = {f"{node['_id']}-{node['version']}" for node in outcome.nodes}
    yield from _some("changed without event", latest - set(ids))
    in_events = {event.rpartition("-")[0] for event in ids}
    yield from _some(
        "in events, but missing", in_events - {str(n["_id"]) for n in outcome.nodes}
    )
    waiting = {str(node["_id"]) for node in outcome.nodes if node.get("outbox")}
    yield from _some("events that were not sent", waiting)


def _node_faults(outcome: Outcome) -> Iterator[str]:
    nodes = {str(node["_id"]): node for node in outcome.nodes}
    notes = outcome.notes
    lost = [
        f"{node}.{key}"
        for (node, key), value in notes.data.items()
        if nodes.get(node, {}).get("data", {}).get(key) != value
    ]
    yield from _some("lost updates", lost)
    # a later request, even one without an answer, may change the result, not the state
    by_id = {event["_id"]: event["event"]["data"] for event in outcome.history}
    ended = [
        one
        for one, result in notes.done.items()
        if by_id.get(one, {}).get("result") != result
        or nodes[one.rpartition("-")[0]]["state"] != "done"
    ]
    yield from _some("another end than acknowledged", ended)
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
        yield from _some(f"{what} that exist twice", twice)
    trees = Counter(
        (n["parent"], n["name"].rpartition("_")[0])
        for n in nodes
        if n["kind"] == "test" and "_" in n["name"]
    )
    yield from _some(
        "incomplete trees", [str(t) for t, count in trees.items() if count != 5]
    )


def _listener_faults(name: str, received: list[str], ids: list[str]) -> Iterator[str]:
    yield from _some(f"{name}: not received", set(ids) - set(received))
    yield from _some(
        f"{name}: received, but not in the history", set(received) - set(ids)
    )
    yield from _order_faults(name, received)


def _order_faults(name: str, ids: Iterable[str]) -> Iterator[str]:
    """Return a fault unless each node's versions come in order, each once."""
    versions: Counter[str] = Counter()
    for one in ids:
        node, _, version = one.rpartition("-")
        versions[node] += 1
        if int(version) != versions[node]:
            yield f"{name}: {one} is out of order"
            return


def _some(what: str, which: Iterable[str]) -> Iterator[str]:
    names = sorted(which)
    if names:
        yield f"{len(names)} {what}: {', '.join(names[:SHOWN])}"
