# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fork server for Python programs: import once, then fork for each program.

A small service spends most of its start on imports, most of them the same for all. The
server is a process that reads requests, one line of JSON each, imports what the program
imports, and forks; the child becomes the program. The server exits when its owner does;
the programs keep running.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn, TextIO

PYTHON = Path(sys.executable)


class ForkServer:
    """Our end of the process that forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [PYTHON, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C stops us, not the server
        )

    @classmethod
    @cache
    def ours(cls) -> "ForkServer":
        """Return the one fork server of this process, started when first needed."""
        return cls()

    def start(
        self, command: list[str], env: Mapping[str, str], folder: Path, log: Path
    ) -> int:
        """Start a program in a session of its own; return its pid."""
        surroundings = {"env": dict(env), "folder": str(folder), "log": str(log)}
        return self._ask({"command": command, "surroundings": surroundings})

    def prepare(self, command: list[str]) -> None:
        """Import what a program needs, so that it starts faster later."""
        self._ask({"command": command})

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def is_python(command: list[str]) -> bool:
    """Tell whether the fork server can run a command: a script or module of ours."""
    program = Path(command[0])
    if program == PYTHON:
        return command[1] == "-m" and command[2].startswith("kci_")
    return program.parent == PYTHON.parent and bool(_scripts(program.name))


def _scripts(name: str) -> Any:
    return entry_points(group="console_scripts", name=name)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Fork for each request, and answer with the pid; a child does not return."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that none becomes a zombie
    for line in requests:
        request = json.loads(line)
        program = _prepared(request["command"])
        surroundings = request.get("surroundings")
        if surroundings is not None:
            gc.freeze()  # so that the children share the memory
            if (pid := os.fork()) == 0:
                _detach(surroundings)
                program()
        print(pid if surroundings else 0, file=answers, flush=True)


def _prepared(command: list[str]) -> Callable[[], NoReturn]:
    """Import what a program needs; an error shows up again in the program's log."""
    program, *arguments = command
    if Path(program) != PYTHON:
        (script,) = _scripts(Path(program).name)
        _try_import(script.module)
        return lambda: _run(command, lambda: script.load()())
    module = arguments[1]
    _try_import(module)
    # else runpy would warn that the module is imported already
    sys.modules.pop(module, None)
    return lambda: _run(
        [module, *arguments[2:]],
        lambda: runpy.run_module(module, run_name="__main__", alter_sys=True),
    )


def _try_import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:
        print(f"{module}: {error!r}", file=sys.stderr)


def _run(arguments: list[str], main: Callable[[], Any]) -> NoReturn:
    sys.argv = arguments
    # what `ps` and `top` show: see proc(5), comm
    Path("/proc/self/comm").write_text(Path(arguments[0]).name)
    sys.exit(main())


def _detach(surroundings: dict[str, Any]) -> None:
    """Become a process of its own: session, folder, environment, files."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(surroundings["folder"])
    os.environ.clear()
    os.environ.update(surroundings["env"])
    log = os.open(surroundings["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
