# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each service beside the real API: it gives all events up, and is mended."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from integration.conftest import OwnApi
from kci_email_reporter.reporter import Reporter
from kci_email_reporter.settings import Settings as MailSettings
from kci_email_reporter.unsent import Unsent
from kci_fakes.sweeps import owed
from kci_kcidb_bridge.bridge import KcidbBridge
from kci_kcidb_bridge.row_models import Row
from kci_kcidb_bridge.unsubmitted import unsubmitted
from kci_log_parser.parser import LogParser
from kci_regression_tracker.tracker import RegressionTracker
from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_scheduler.unplanned import Unplanned
from kci_shared.client import ApiClient
from kci_shared.config import Config
from kci_shared.errors import BadRequest
from kci_shared.events import EventStream, Handler, Sweep
from kci_shared.models import Event, Kind, NewNode, Node, Result, State
from kci_shared.secret import Secret
from kci_shared.settings import ServiceSettings

pytestmark = pytest.mark.integration

WAIT_S = 60
EVENTS = 10
"""Of the nodes that are there at first; see `Site.fill`."""
URL = "http://storage/0123/console.log"
REVISION = {"tree": "demo", "url": "https://x/demo.git", "branch": "master"}


class NoLogs:
    """A storage whose logs are empty."""

    async def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        yield b""

    async def put(self, name: str, content: bytes) -> str:
        return f"http://storage/{name}"


class Kcidb:
    """Takes all rows."""

    async def submit(self, rows: Sequence[Row]) -> str:
        return "http://kcidb/status?id=1"


Service = tuple[Handler, Sweep]


def log_parser(api: ApiClient) -> Service:
    parser = LogParser(api, NoLogs(), 1 << 20)
    return parser.on_event, parser.unread


def scheduler(api: ApiClient) -> Service:
    config, closing = Config(), Closing(api)
    service = Scheduler(lambda: config, api, closing)
    return service.on_event, Unplanned(lambda: config, api, closing).nodes


def regression_tracker(api: ApiClient) -> Service:
    tracker = RegressionTracker(api)
    return tracker.on_event, tracker.unjudged


def email_reporter(api: ApiClient) -> Service:
    settings = MailSettings.model_validate(
        {
            "api_url": "http://api",
            "storage_url": "http://storage",
            "token": "t",
            "mail_from": "bot <bot@ci.example.org>",
            "mail_to": ["list@ci.example.org"],
            "mail_domain": "ci.example.org",
        }
    )
    reporter = Reporter(api, NoLogs(), settings)
    return reporter.on_event, Unsent(api, reporter).nodes


def kcidb_bridge(api: ApiClient) -> Service:
    bridge = KcidbBridge(api, Kcidb(), "demo")
    return bridge.on_event, partial(unsubmitted, api)


@dataclass
class Site:
    """The API with the results of two revisions, and the settings of a service."""

    api: ApiClient
    settings: ServiceSettings
    redis: Redis

    async def add(self, kind: Kind, parent: Node | None, **fields: Any) -> Node:
        new = {
            "kind": kind,
            "name": kind,
            "state": State.DONE,
            "result": Result.PASS,
            "parent": parent and parent.id,
            **fields,
        }
        return await self.api.create(NewNode.model_validate(new))

    async def fill(self, data: dict[str, Any]) -> None:
        """Let a job pass in a revision, and fail in the next one; both are done."""
        jobs: list[Node] = []
        for commit, result in (("a" * 40, Result.PASS), ("b" * 40, Result.FAIL)):
            revision = {"kernel_revision": {**REVISION, "commit": commit}}
            checkout = await self.add(
                Kind.CHECKOUT, None, state=State.AVAILABLE, data=revision
            )
            build = await self.add(Kind.KBUILD, checkout)
            log = {"artifacts": {"log": URL}, "data": data}
            jobs.append(await self.add(Kind.JOB, build, result=result, **log))
            await self.api.update(checkout.id, state=State.DONE)
        passed, failed = jobs
        facts = {"fail_node": failed.id, "pass_node": passed.id}
        await self.add(Kind.REGRESSION, None, result=Result.FAIL, data=facts)
        open_tree = {"kernel_revision": {**REVISION, "commit": "c" * 40}}
        await self.add(Kind.CHECKOUT, None, state=State.AVAILABLE, data=open_tree)


@pytest.fixture
async def site(own_api: OwnApi, redis_url: str) -> AsyncIterator[Site]:
    token = await own_api.token("service", "nodes:write")
    settings = ServiceSettings(
        api_url=own_api.url,
        token=Secret("KCI_TOKEN", file=token),
        redis_url=redis_url,
        reconcile_every=0.5,
    )
    async with ApiClient.connect(settings) as api, Redis.from_url(redis_url) as redis:
        yield Site(api, settings, redis)


@pytest.mark.parametrize(
    ("service", "data"),
    [
        (log_parser, {}),
        (scheduler, {"findings": []}),
        (regression_tracker, {"findings": []}),
        (email_reporter, {"findings": []}),
        (kcidb_bridge, {"findings": []}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_a_service_has_given_up_is_swept_once_the_cause_is_mended(
    site: Site, service: Callable[[ApiClient], Service], data: dict[str, Any]
) -> None:
    await site.fill(data)
    handler, sweep = service(site.api)
    stop, mended = asyncio.Event(), asyncio.Event()

    async def on_event(event: Event) -> None:
        if not mended.is_set():
            raise BadRequest("there is a mistake in the configuration")
        await handler(event)

    stream = EventStream.connect(site.settings, site.api, "test")
    async with asyncio.timeout(WAIT_S), stream as events, asyncio.TaskGroup() as tasks:
        tasks.create_task(events.deliver(on_event, stop, sweep=sweep))
        while await site.redis.xlen("dead:test") < EVENTS:
            await asyncio.sleep(0.05)
        assert await owed(sweep)
        mended.set()
        while await owed(sweep):
            await asyncio.sleep(0.05)
        stop.set()
