# SPDX-License-Identifier: LGPL-2.1-or-later
"""`--check`: tries whatever a bridge needs, and changes nothing."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import TypeVar

from kci_shared.channels import Sighting
from kci_shared.client import ApiClient
from kci_shared.errors import ChannelDown, ConfigError
from kci_shared.lab.trial import try_job
from kci_shared.storage import Storage
from kci_shared.work import BridgeSettings, Dialect
from kci_shared.work.probes import Probe, bad, good, judge_token, show

B = TypeVar("B", bound=BridgeSettings)
OpenLab = Callable[[B], AbstractAsyncContextManager[Dialect]]
"""How a bridge opens its lab."""

PROBE_S = 60.0
"""Time limit of each probe."""
CONTENT = b"A bridge was checked: it can store artifacts.\n"


def checker(open_lab: OpenLab[B]) -> Callable[[B, list[str]], Awaitable[int]]:
    """Return the implementation of `--check`: it prints a table and returns the status.

    With URLs of images it also boots them in the lab, unless something else is wrong.
    """

    async def check(settings: B, images: list[str]) -> int:
        probes = await probe_all(settings, open_lab)
        if images and not any(probe.is_bad for probe in probes):
            probes += await _job(settings, open_lab, images)
        show(probes)
        return int(any(probe.is_bad for probe in probes))

    return check


async def probe_all(settings: B, open_lab: OpenLab[B]) -> list[Probe]:
    """Try the token, the API, the storage, the cache and the lab."""
    tries: list[tuple[str, str, Callable[[], Awaitable[list[Probe]]]]] = [
        (
            "API",
            "is KCI_API_URL right, and are outbound connections allowed?",
            lambda: _api(settings),
        ),
        (
            "storage",
            "is KCI_STORAGE_URL right, and are outbound connections allowed?",
            lambda: _storage(settings),
        ),
        (
            "cache",
            "set KCI_CACHE to a folder that the bridge may write to",
            lambda: _cache(settings),
        ),
        ("lab", "see docs/join-a-lab.md", lambda: _lab(settings, open_lab)),
    ]
    token = _token(settings)
    if token.is_bad:  # what needs it cannot be tried
        tries = tries[2:]
    results = await asyncio.gather(*(_tried(*one) for one in tries))
    return [token] * token.is_bad + [probe for probes in results for probe in probes]


async def _job(settings: B, open_lab: OpenLab[B], images: list[str]) -> list[Probe]:
    try:
        async with open_lab(settings) as dialect:
            return await try_job(settings, dialect, images)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return [bad("job", message, "see the lab's own log, and the board")]


async def _tried(
    what: str, advice: str, probe: Callable[[], Awaitable[list[Probe]]]
) -> list[Probe]:
    """Run a probe; turn an exception into a failed probe with advice."""
    try:
        async with asyncio.timeout(PROBE_S):
            return await probe()
    except TimeoutError:
        return [bad(what, f"no answer within {PROBE_S:g} s", advice)]
    except ConfigError as error:
        return [bad(f"{what}'s file", str(error), "correct the file")]
    except Exception as error:
        return [bad(what, f"{type(error).__name__}: {error}", advice)]


def _token(settings: BridgeSettings) -> Probe:
    """Check that there is a token; the API knows its rights."""
    advice = "put only the token from the API's operator there"
    try:
        token = settings.token.read()
    except ConfigError as error:
        return bad("token", str(error), advice)
    if not token.isascii() or len(token.split()) != 1:
        where = settings.token.file or "KCI_TOKEN"
        return bad("token", f"{where} does not contain exactly one token", advice)
    return good("token", "exists")


async def _api(settings: BridgeSettings) -> list[Probe]:
    async with ApiClient.connect(settings) as api:
        try:
            owner = await api.whoami()
        except ChannelDown as error:
            if error.seen != Sighting.UNAUTHORIZED:
                raise
            answers = good("API", f"{settings.api_url} answers")
            why = "not accepted: it has expired, was revoked, or belongs to another API"
            runtime = settings.runtime
            advice = f"kci-api token create {runtime} --scope runtime:{runtime}"
            return [answers, bad("token", why, f"have an operator run: {advice}")]
    answers = good("API", f"{settings.api_url} answers")
    return [answers, judge_token(owner, settings.runtime, datetime.now(UTC))]


async def _storage(settings: BridgeSettings) -> list[Probe]:
    """Store a few bytes, the same each time, and read them back."""
    async with Storage.connect(settings) as storage:
        url = await storage.put("check.txt", CONTENT)
        read = b"".join([chunk async for chunk in storage.stream(url)])
    if hashlib.sha256(read).digest() != hashlib.sha256(CONTENT).digest():
        message = f"{url} does not return what was stored"
        return [bad("storage", message, "is there a proxy in between?")]
    return [good("storage", f"{settings.storage_url} stores and answers")]


async def _cache(settings: BridgeSettings) -> list[Probe]:
    settings.runs.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=settings.runs) as probe:  # others may check at this moment
        probe.write(CONTENT)
    return [good("cache", f"{settings.cache.resolve()} can be written")]


async def _lab(settings: B, open_lab: OpenLab[B]) -> list[Probe]:
    async with open_lab(settings) as dialect:
        return await dialect.check()
