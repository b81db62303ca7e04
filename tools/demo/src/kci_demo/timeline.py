# SPDX-License-Identifier: LGPL-2.1-or-later
"""A line on the terminal for each change of a node, as it happens."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
from httpx_sse import aconnect_sse
from rich.console import Console
from rich.markup import escape

from kci_shared.models import Event, Kind, NodeChange, Op, Result, State

COLOURS = {
    Result.PASS: "green",
    Result.FAIL: "red",
    Result.INCOMPLETE: "yellow",
    Result.SKIP: "cyan",
}

BURST_S = 0.1
"""How long to wait after an event: most come in bursts."""


class Timeline:
    """Prints lines with the seconds since it was made, and times the steps."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._happened = asyncio.Condition()
        self.seconds: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Print a line (rich markup)."""
        elapsed = time.monotonic() - self._start
        self._console.print(f"[dim]{elapsed:6.1f} s[/]  {text}", soft_wrap=True)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """Announce a step, and keep how long it took."""
        self.say(f"[bold]{escape(name)}[/]")
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    async def news(self, within: float) -> None:
        """Wait until something happens, or for this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._happened:
                await self._happened.wait()
        await asyncio.sleep(BURST_S)

    @asynccontextmanager
    async def follow(self, api_url: str) -> AsyncIterator[None]:
        """Print the API's events as long as the block runs."""
        task = asyncio.create_task(self._follow(api_url))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, api_url: str) -> None:
        url = f"{api_url}/latest/events/stream"
        async with (
            httpx.AsyncClient(timeout=None, trust_env=False) as http,  # noqa: S113
            aconnect_sse(http, "GET", url) as source,
        ):
            async for message in source.aiter_sse():
                if message.data:
                    line = describe(Event.model_validate_json(message.data).data)
                    if line:
                        self.say(line)
                    async with self._happened:
                        self._happened.notify_all()


def describe(change: NodeChange) -> str | None:
    """Describe a change to a person; None if it is of no interest."""
    name = escape("/".join(change.path[-2:]))
    if change.kind is Kind.TEST:
        return None
    if change.op is Op.CREATED and change.kind is Kind.REGRESSION:
        return f"[red]regression[/] {name}"
    if change.op is Op.CREATED and change.state is State.RUNNING:
        return f"{change.kind} {name} planned"
    if change.state is State.DONE and change.previous_state is not State.DONE:
        return f"{change.kind} {name} {_verdict(change)}"
    if change.data.get("findings") and not change.data.get("planned"):
        headline = escape(str(change.data["findings"][0]["headline"]))
        return f"log of {name}: [red]{headline}[/]"
    return None


def _verdict(change: NodeChange) -> str:
    result = change.result or Result.INCOMPLETE
    reason = change.data.get("error_msg")
    text = f"[{COLOURS[result]}]{result}[/]"
    return f"{text} [dim]{escape(str(reason))}[/]" if reason else text
