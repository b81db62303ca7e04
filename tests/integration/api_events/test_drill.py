# SPDX-License-Identifier: LGPL-2.1-or-later
"""A short drill, as `make drill` runs a long one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TESTS = Path(__file__).parents[2]
KILLS = 5


def test_kills_lose_double_and_disorder_nothing() -> None:
    command = [sys.executable, "-m", "drill", "--kills", str(KILLS), "--seed", "6"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    drill = subprocess.run(
        command,
        cwd=TESTS.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert drill.returncode == 0, drill.stdout
    assert " 0 faults " in drill.stdout
