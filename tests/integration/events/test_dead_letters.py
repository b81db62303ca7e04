# SPDX-License-Identifier: LGPL-2.1-or-later
"""An operator lists, replays and drops the events that a service has given up."""

import os
import subprocess
import sys
from typing import Any

import pytest

from integration.events.conftest import GROUP, Service, World, names
from kci_shared.errors import Invalid
from kci_shared.events.connection import open_redis
from kci_shared.events.dead_command import dead, parse_arguments

pytestmark = pytest.mark.integration


async def command(world: World, *arguments: str) -> int:
    async with open_redis(world.redis_url) as redis:
        return await dead(redis, GROUP, parse_arguments("kci-x", arguments))


async def give_up(world: World, *reasons: str) -> list[str]:
    """Let a service give up events; return the ids of the letters."""
    faults: list[Exception] = [Invalid(reason) for reason in reasons]
    await world.publish(*range(1, len(faults) + 2))
    await world.run(Service({f"n{len(faults) + 1}"}, faults=faults))
    letters: Any = await world.redis.xrange(f"dead:{GROUP}")
    return [letter_id for letter_id, _ in letters]


async def test_letters_are_listed_and_shown(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = await give_up(world, "no field a", "no field b")
    capsys.readouterr()  # the log of the service
    assert await command(world, "list", "--reason", "field b") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(other)
    assert line.endswith("job boot n2-2  Invalid: no field b")
    assert await command(world, "show", one) == 0
    assert '"id":"n1-2"' in capsys.readouterr().out


async def test_a_replayed_event_is_handled_again(world: World) -> None:
    await give_up(world, "no field a", "no field b")
    assert await command(world, "replay", "--all") == 0
    assert await world.redis.xlen(f"dead:{GROUP}") == 0
    service = await world.run(Service(set(names(1, 2))))
    assert service.handled == names(1, 2)
    assert await world.left() == 0


async def test_a_replayed_event_that_fails_again_is_a_dead_letter_again(
    world: World,
) -> None:
    [letter_id] = await give_up(world, "no field")
    await command(world, "replay", letter_id)
    await world.publish(3)
    await world.run(Service({"n3"}, faults=[Invalid("still no field")]))
    letters: Any = await world.redis.xrange(f"dead:{GROUP}")
    reasons = [letter["reason"] for _, letter in letters]
    assert reasons == ["Invalid: still no field"]


async def test_letters_are_dropped(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    _, other = await give_up(world, "no field a", "no field b")
    assert await command(world, "drop", other) == 0
    assert "1 dropped" in capsys.readouterr().out
    assert await command(world, "drop", other) == 1
    assert f"{other}: no such dead letter" in capsys.readouterr().out
    assert await world.redis.xlen(f"dead:{GROUP}") == 1


async def test_more_letters_than_anybody_expects_are_kept(world: World) -> None:
    fields: Any = {"event": "{}", "reason": "x"}
    async with world.redis.pipeline() as steps:
        for _ in range(12_000):
            steps.xadd(f"dead:{GROUP}", fields)
        await steps.execute()
    await give_up(world, "one more")
    assert await world.redis.xlen(f"dead:{GROUP}") == 12_001


@pytest.mark.parametrize(
    "service",
    [
        "email_reporter",
        "kcidb_bridge",
        "log_parser",
        "regression_tracker",
        "scheduler",
    ],
)
async def test_each_service_has_the_command(world: World, service: str) -> None:
    group = service.replace("_", "-")
    fields: Any = {"event": "{", "reason": "a reason"}
    await world.redis.xadd(f"dead:{group}", fields)
    needed = {
        "KCI_API_URL": "http://unused",
        "KCI_TOKEN": "unused",
        "KCI_REDIS_URL": world.redis_url,
        "KCI_CONFIG": "config",
        "KCI_KCIDB_URL": "http://unused",
        "KCI_KCIDB_TOKEN": "unused",
        "KCI_ORIGIN": "test",
        "KCI_RUNTIME": "mail",
        "KCI_STORAGE_URL": "http://unused",
        "KCI_STORAGE_TOKEN": "unused",
        "KCI_MAIL_DOMAIN": "example.org",
        "KCI_MAIL_FROM": "bot <bot@example.org>",
        "KCI_MAIL_TO": '["list@example.org"]',
    }
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
        [sys.executable, "-m", f"kci_{service}", "dead", "list"],
        env=os.environ | needed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(no event)  a reason" in done.stdout
