# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_shared.events.dead_command import PURPOSES, Command, parse_arguments


def test_each_command_has_a_purpose() -> None:
    assert set(PURPOSES) == set(Command)


def test_letters_are_named_by_id_or_reason() -> None:
    asked = parse_arguments("kci-x", ["replay", "1-0", "2-0", "--reason", "no field"])
    assert asked.command is Command.REPLAY
    assert asked.ids == ["1-0", "2-0"]
    assert (asked.all, asked.reason) == (False, "no field")


@pytest.mark.parametrize("command", ["replay", "drop"])
def test_all_letters_are_changed_only_if_one_says_so(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_arguments("kci-x", [command])
    assert "--all" in capsys.readouterr().err
    assert parse_arguments("kci-x", [command, "--all"]).all
