# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pytest plugin that stores the console and writes a report.

It works in its current folder: reads `tests.json`, writes the console's output to
`console.log` and a line per test to `report.jsonl`, and makes a file `off` once the
board is off. The report contains facts only: `kci_labgrid_bridge.verdicts` decides
whose fault an error is.
"""

import json
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from labgrid import Target
from labgrid.driver import ShellDriver
from labgrid.step import steps
from labgrid.strategy import Strategy, StrategyError
from pexpect import EOF, TIMEOUT

import kci_labgrid_bridge.runner.console
import kci_labgrid_bridge.runner.strategy  # noqa: F401 - registers a class with labgrid
from kci_labgrid_bridge.runner.places import limit_polls

MAX_CONSOLE_BYTES = 64 * 2**20
"""Output beyond this is dropped: a board may print for hours."""


class Journal:
    """The report: one line of JSON for each test, written as it ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def write(self, test: str | None, **facts: Any) -> None:
        """Add a line; a test of None is the boot."""
        self._file.write(json.dumps({"test": test, **facts}) + "\n")


JOURNAL = pytest.StashKey[Journal]()


def pytest_configure(config: pytest.Config) -> None:
    """Open the report and the console log."""
    # SIGINT is ignored in a process that a shell started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[JOURNAL] = Journal(Path("report.jsonl"))
    steps.subscribe(_keep_console)
    limit_polls()


def _keep_console(event: Any) -> None:
    step = event.step
    is_read = step.tag == "console" and step.title == "read"
    if is_read and event.data.get("state") == "stop" and step.result:
        with Path("console.log").open("ab") as file:
            if file.tell() < MAX_CONSOLE_BYTES:
                file.write(step.result)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each command of the job."""
    if "command" in metafunc.fixturenames:
        tests = json.loads(Path("tests.json").read_text())
        metafunc.parametrize("command", tests, ids=[test["id"] for test in tests])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report why a test did not run to its end; skipped tests are not reported."""
    report = yield
    if report.failed and call.when != "teardown" and call.excinfo is not None:
        spec = getattr(item, "callspec", None)
        chain = _chain(call.excinfo.value)
        item.config.stash[JOURNAL].write(
            spec.params["command"]["id"] if spec else None,
            error=_message(chain),
            is_silence=any(isinstance(error, TIMEOUT | EOF) for error in chain),
        )
    return report


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and its causes, without labgrid's wrapper."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return [one for one in chain if not isinstance(one, StrategyError)] or chain[-1:]


def _message(chain: list[BaseException]) -> str:
    """Return the first error in one line, with its class if it is not ours."""
    first = chain[0]
    text = " ".join(str(first).split())
    ours = type(first).__module__.startswith("kci_")
    return text if ours else f"{type(first).__name__}: {text}"


@pytest.fixture
def journal(request: pytest.FixtureRequest) -> Journal:
    """Return the report."""
    return request.config.stash[JOURNAL]


@pytest.fixture(scope="session", autouse=True)
def _powered_off_at_the_end(target: Target) -> Iterator[None]:
    yield
    target.get_driver("PowerProtocol").off()
    Path("off").touch()


@pytest.fixture(scope="session")
def shell(strategy: Strategy, target: Target) -> ShellDriver:
    """Boot the board; return its shell."""
    strategy.transition(os.environ["LG_STATE"])
    return target.get_driver("ShellDriver")
