# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the labgrid coordinator: places, reservations, and their holders."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import grpc
from labgrid.remote.client import ClientSession, ServerError
from labgrid.remote.common import Reservation, ReservationState
from labgrid.remote.generated import labgrid_coordinator_pb2 as pb2
from labgrid.remote.generated import labgrid_coordinator_pb2_grpc as pb2_grpc

from kci_labgrid_bridge.rules import Place, Tags
from kci_shared.lab import LabError

CONNECT_S = 15.0
GONE = "the labgrid coordinator went away"
POLL_S = 0.5
"""Between two queries whether a reservation was allocated a place."""
CHANNEL = [
    ("grpc.use_local_subchannel_pool", 1),  # one connection per client, see _Client
    ("grpc.enable_http_proxy", 0),  # a lab is never behind a proxy
    ("grpc.keepalive_time_ms", 7500),
    ("grpc.keepalive_timeout_ms", 10000),
    ("grpc.http2.ping_timeout_ms", 10000),
    ("grpc.http2.max_pings_without_data", 0),
]


class NoCoordinator(LabError):
    """The coordinator does not answer: the fault of its channel, not of a job."""


class _Client(ClientSession):  # type: ignore[misc]
    """labgrid's client, with a name and a TCP connection of its own.

    The coordinator identifies clients by their TCP connection, and gRPC shares one
    among all clients of a process: a second client would be rejected.
    """

    owner = ""
    channel: Any

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.unused: Any = self.channel
        self.channel = grpc.aio.insecure_channel(self.address, options=CHANNEL)
        self.stub = pb2_grpc.CoordinatorStub(self.channel)
        self.changed = asyncio.Event()

    def gethostname(self) -> str:
        return self.owner.partition("/")[0]

    def getuser(self) -> str:
        return self.owner.partition("/")[2]

    async def on_place_changed(self, place: Any) -> None:
        await super().on_place_changed(place)
        self.changed.set()

    async def on_place_deleted(self, name: str) -> None:
        await super().on_place_deleted(name)
        self.changed.set()

    async def message_pump(self) -> None:
        try:
            await super().message_pump()
        finally:  # the coordinator disconnected
            self.changed.set()


class Coordinator:
    """A connection to the coordinator, under a name of the form `runtime/what`."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: str, owner: str) -> AsyncIterator[Self]:
        """Connect as `owner`; raises `NoCoordinator` if there is no answer."""
        client = _Client(address, asyncio.get_running_loop())
        client.owner = owner
        await client.unused.close()
        try:
            await _start(client)
            yield cls(client)
        finally:
            await client.stop()
            await client.close()

    def places(self) -> list[Place]:
        """Return all places in their current state."""
        return [self._place(place) for place in self._client.places.values()]

    def _place(self, place: Any) -> Place:
        paths = list(self._resources())
        return Place(
            name=place.name,
            tags=dict(place.tags),
            holder=place.acquired,
            is_reserved=place.reservation is not None,
            is_available=all(
                any(match.ismatch(path) for path in paths) for match in place.matches
            ),
        )

    def _resources(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield the paths of the available resources."""
        for exporter, groups in self._client.resources.items():
            for group, resources in groups.items():
                for name, resource in resources.items():
                    if resource.avail and resource.acquired != "<broken>":
                        yield exporter, group, resource.cls, name

    async def reserve(self, tags: Tags) -> str:
        """Reserve a place with these tags; return the reservation's token."""
        filters = {"main": pb2.Reservation.Filter(filter=tags)}
        request = pb2.CreateReservationRequest(filters=filters, prio=0.0)
        with _refusals():
            answer = await self._client.stub.CreateReservation(request)
        return str(answer.reservation.token)

    async def allocated(self, token: str) -> str:
        """Wait, without a limit, until a reservation has a place; return its name."""
        request = pb2.PollReservationRequest(token=token)
        while True:
            with _refusals():
                answer = await self._client.stub.PollReservation(request)
            reservation = Reservation.from_pb2(answer.reservation)
            if reservation.state is ReservationState.allocated:
                return str(reservation.allocations["main"][0])
            if reservation.state is not ReservationState.waiting:
                raise LabError(f"the reservation became {reservation.state.name}")
            await asyncio.sleep(POLL_S)

    async def reservations(self, prefix: str) -> list[tuple[str, str]]:
        """Return (owner, token) of the reservations of owners with a prefix."""
        with _refusals():
            answer = await self._client.stub.GetReservations(
                pb2.GetReservationsRequest()
            )
        return [
            (str(one.owner), str(one.token))
            for one in answer.reservations
            if one.owner.startswith(prefix)
        ]

    async def acquire(self, place: str) -> None:
        """Acquire a place that is reserved for us."""
        with _refusals():
            await self._client.stub.AcquirePlace(
                pb2.AcquirePlaceRequest(placename=place)
            )
            await self._client.sync_with_coordinator()  # so that `is_ours` is true

    async def cancel(self, token: str) -> None:
        """Cancel a reservation."""
        with _refusals():
            await self._client.stub.CancelReservation(
                pb2.CancelReservationRequest(token=token)
            )

    async def release(self, place: str, owner: str) -> None:
        """Release a place, if `owner` holds it."""
        with _refusals():
            await self._client.stub.ReleasePlace(
                pb2.ReleasePlaceRequest(placename=place, fromuser=owner)
            )

    def is_ours(self, place: str) -> bool:
        """Return whether we hold a place, by the latest update."""
        return self.has(self._client.owner, place)

    def has(self, owner: str, place: str) -> bool:
        """Return whether an owner holds a place, by the latest update."""
        known = self._client.places.get(place)
        return known is not None and known.acquired == owner

    async def lost(self, place: str) -> str:
        """Wait until we no longer hold a place; return why."""
        while not self._client.stopping.is_set():
            self._client.changed.clear()
            if not self.is_ours(place):
                return f"{place} was taken from us"
            await self._client.changed.wait()
        return GONE


async def _start(client: _Client) -> None:
    try:
        async with asyncio.timeout(CONNECT_S):
            await client.start()
    except (ServerError, TimeoutError) as error:
        raise NoCoordinator(f"no labgrid coordinator at {client.address}") from error


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise `LabError` for a refusal, `NoCoordinator` if there is no answer."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        is_away = error.code() is grpc.StatusCode.UNAVAILABLE
        kind = NoCoordinator if is_away else LabError
        raise kind(f"labgrid: {error.details()}") from error
