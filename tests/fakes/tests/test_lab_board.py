# SPDX-License-Identifier: LGPL-2.1-or-later

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from kci_fakes.lab.board import Board, relay


@pytest.fixture
def power(tmp_path: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(relay([Board(tmp_path)], lines=[0]))
    return httpx.AsyncClient(transport=transport, base_url="http://board")


async def test_a_board_without_a_kernel_takes_power_and_stays_dark(
    power: httpx.AsyncClient,
) -> None:
    assert (await power.put("/relay/0", content=b"1")).text == "0"


async def test_a_board_that_is_off_may_be_switched_off(
    power: httpx.AsyncClient,
) -> None:
    answer = await power.put("/relay/0", content=b"0")
    assert (answer.status_code, answer.text) == (200, "0")


async def test_a_broken_relay_switches_nothing_on(
    power: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "power-fails").touch()
    assert (await power.put("/relay/0", content=b"1")).status_code == 500
    assert (await power.put("/relay/0", content=b"0")).status_code == 200


class HungUp:
    """A listener whose connection is closed, as the board does not know yet."""

    def is_closing(self) -> bool:
        return True

    def write(self, _: bytes) -> None:
        raise RuntimeError("the handler is closed")


async def test_who_has_hung_up_does_not_deafen_a_board(tmp_path: Path) -> None:
    board, console = Board(tmp_path), asyncio.StreamReader()
    listener: Any = HungUp()
    board._listeners.add(listener)
    console.feed_data(b"Linux version 6.1\n")
    console.feed_eof()
    await board._forward(console)
    assert console.at_eof()
