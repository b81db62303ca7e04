# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine in memory: it boots, and answers what is typed."""

import asyncio
import io
import re
from collections.abc import Callable

from kci_local_bridge.console import Console
from kci_local_bridge.session import Session
from kci_local_bridge.settings import Settings
from kci_shared.models import Progress

BOOT = (
    "SeaBIOS\r\n[    0.000000] Linux version 6.1.0 (gcc 12)\r\n"
    "[    1.000000] Run /init as init process\r\n\r\nkci-dut login: "
)
MARK = re.compile(r"echo (\w+)''(\w+) \$\?\n")


class FakeMachine:
    """A serial line with a scripted shell behind it."""

    def __init__(self, boot: str = BOOT) -> None:
        self.stopped = False
        self.typed: list[str] = []
        self.commands: dict[str, Callable[[], str | None]] = {}
        """What a command prints, with its status in the last line; None hangs."""
        self.hung = False
        self.survives_hang = True
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.say(boot)

    def say(self, text: str) -> None:
        for start in range(0, len(text), 7):  # in pieces, as a real line does
            self._chunks.put_nowait(text[start : start + 7].encode())

    def go_off(self) -> None:
        self._chunks.put_nowait(b"")

    async def read(self) -> bytes:
        return await self._chunks.get()

    async def write(self, text: str) -> None:
        self.typed.append(text)
        if text == "root\n":
            self.say("kci-dut:~# \x1b[6n")
        elif text == "\x03":
            self.hung = not self.survives_hang
        elif (match := MARK.search(text)) and not self.hung:
            self._run(text, "".join(match.groups()))

    def _run(self, text: str, mark: str) -> None:
        replies = [reply for name, reply in self.commands.items() if name in text]
        output = replies[0]() if replies else "0"
        self.hung = output is None
        if output is not None:
            text, _, status = output.rpartition("\n")
            self.say(f"{text}\r\n{mark} {status}\r\n".replace("\n", "\r\n"))


class Sessions:
    """Sessions on machines, and the progress that they reported."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.progress: list[Progress] = []

    def on(self, machine: FakeMachine) -> Session:
        """Return a session on a machine that was just powered on."""
        console = Console(machine, io.BytesIO())
        return Session(console, self._settings, self.progress.append)
