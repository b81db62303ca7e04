# SPDX-License-Identifier: LGPL-2.1-or-later
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from kci_log_parser.command_output import read_log
from kci_log_parser.logs_command import main, show

LOG = b"calm\n[    1.0] BUG: [red]Bad page state in process x  pfn:1\n"


def test_a_script_gets_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(LOG)
    monkeypatch.setattr(sys, "argv", ["kci-logs", str(log), "--json"])
    main()
    shown = json.loads(capsys.readouterr().out)
    [found] = shown["events"]
    assert (found["kind"], found["line"]) == ("bug", 2)
    assert (shown["boot"]["phase"], shown["tests"]) == ("unknown", [])


def test_a_pipe_gets_one_line_for_each_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(LOG)
    monkeypatch.setattr(sys, "argv", ["kci-logs", str(log)])
    main()
    out = capsys.readouterr().out
    assert out == "2: fault: bug: BUG: [red]Bad page state in process x  pfn:1\n"


def test_a_terminal_gets_a_table_in_which_the_boards_text_is_no_markup() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    show(read_log(iter([LOG])), console)
    assert "[red]Bad page state" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_is_told_that_nothing_was_found() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    show(read_log(iter([])), console)
    assert "Nothing found" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["kci-logs", "/does/not/exist"])
    with pytest.raises(SystemExit, match="/does/not/exist: No such file"):
        main()


TESTS = b"TAP version 13\n1..2\nok 1 a\nnot ok 2 b # exit=1\n"


def test_tests_that_failed_are_named_and_the_others_counted() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    show(read_log(iter([TESTS])), console)
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert "exit=1" in out
    assert "Tests: 1 pass, 1 fail." in out


def test_a_file_of_junit_is_read_too() -> None:
    xml = b"<testsuite><testcase name='a'><failure/></testcase></testsuite>"
    assert [test.name for test in read_log(iter([xml])).tests] == ["a"]
