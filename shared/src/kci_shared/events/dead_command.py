# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command `dead` of each service that handles events, for its operator."""

import argparse
from collections.abc import Sequence
from enum import StrEnum

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from rich.console import Console

from kci_shared.events.group import ConsumerGroup
from kci_shared.events.letters import DeadLetter, DeadLetters
from kci_shared.models import Event

FAILED = 1
"""Exit status when there is no such letter, or Redis cannot be reached."""


class Command(StrEnum):
    """What can be done with dead letters."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    DROP = "drop"


PURPOSES = {
    Command.LIST: "print a line for each",
    Command.SHOW: "print the events, too",
    Command.REPLAY: "deliver them again; first fix the reason",
    Command.DROP: "delete them",
}


def parse_arguments(program: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments after `dead`; exit and print the usage if they are wrong."""
    parser = argparse.ArgumentParser(
        f"{program} dead", description="Events that this service has given up."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in PURPOSES.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("ids", nargs="*", metavar="ID")
        command.add_argument("--all", action="store_true")
        command.add_argument(
            "--reason", default="", help="those whose reason contains this text"
        )
    parsed = parser.parse_args(arguments)
    parsed.command = Command(parsed.command)
    changes = parsed.command in (Command.REPLAY, Command.DROP)
    if changes and not (parsed.ids or parsed.all or parsed.reason):
        parser.error(f"{parsed.command}: give ids, --reason TEXT, or --all")
    return parsed


async def dead(redis: Redis, group: str, asked: argparse.Namespace) -> int:
    """Run a command on the dead letters of a group; return the exit status."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    letters = DeadLetters(redis, ConsumerGroup(redis, group))
    try:
        found = await letters.find(asked.ids, asked.reason)
        await _run(letters, asked.command, found, console)
    except (RedisError, OSError) as error:
        console.print(f"Redis cannot be reached: {error}; check KCI_REDIS_URL")
        return FAILED
    missing = set(asked.ids) - {letter.letter_id for letter in found}
    for letter_id in sorted(missing):
        console.print(f"{letter_id}: no such dead letter; see `dead list`")
    return FAILED if missing else 0


async def _run(
    letters: DeadLetters, command: Command, found: list[DeadLetter], console: Console
) -> None:
    match command:
        case Command.LIST:
            for letter in found:
                console.print(_line(letter))
        case Command.SHOW:
            for letter in found:
                console.print(_line(letter))
                console.print(letter.event.decode(errors="replace"))
        case Command.REPLAY:
            await letters.replay(found)
            console.print(f"{len(found)} to be delivered again")
        case Command.DROP:
            await letters.drop(found)
            console.print(f"{len(found)} dropped")


def _line(letter: DeadLetter) -> str:
    time = letter.time.isoformat(timespec="seconds")
    return f"{letter.letter_id}  {time}  {_name(letter.event)}  {letter.reason}"


def _name(text: bytes) -> str:
    try:
        event = Event.model_validate_json(text)
    except ValidationError:
        return "(no event)"
    return f"{event.data.kind} {event.data.name} {event.id}"
