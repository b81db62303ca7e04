# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the commands of a job in LAVA, one test case each; pure.

A here-document, whose end is a word that is not in the command, writes each command to
a file, which is then run: so nothing in it can be part of LAVA's own script. Its output
is in LAVA's log between the signals of its case.
"""

import hashlib
import re

from kci_shared.models import TestStep
from kci_shared.work import BadJob

SUITE = "kci"
FOLDER = "/tmp/kci"  # noqa: S108 - on the device under test, which is ours alone
OVER = "kci: over {} s"
"""What the script `limit` prints if a command exceeds its time limit."""

_LIMIT = f"""\
mkdir -p {FOLDER}
cat >{FOLDER}/limit <<'KCI_END'
seconds=$1; shift
if ! command -v timeout >/dev/null; then exec "$@" </dev/null; fi
timeout "$seconds" "$@" </dev/null
status=$?
[ "$status" != 124 ] && [ "$status" != 143 ] || echo "{OVER.format("$seconds")}"
exit "$status"
KCI_END
"""


_OPTION = re.compile(r"--(cmd|shell)")
"""If a line of LAVA's script contains one of these, LAVA quotes each `$1` in it."""


def run_steps(steps: list[TestStep]) -> list[str]:
    """Return the lines of LAVA's script that run our commands."""
    numbered = enumerate(steps, 1)
    return [_LIMIT, *(line for n, step in numbered for line in _step(n, step))]


def _step(number: int, step: TestStep) -> list[str]:
    if "\0" in step.run:
        raise BadJob(f"test {step.id}: `run` has a NUL character; remove it")
    word = hashlib.sha256(step.run.encode()).hexdigest()[:16]
    end, mark = f"KCI_{word}", f"KCI-{word}-"
    text = _OPTION.sub(rf"--{mark}\1", step.run)
    write = "cat" if text == step.run else f"sed 's/{mark}//g'"
    file = f"{FOLDER}/{number}.sh"
    case = f"lava-test-case {step.id} --shell"
    return [
        f"{write} >{file} <<'{end}'\n{text}\n{end}\n",
        f"{case} sh {FOLDER}/limit {step.timeout:g} sh {file}",
    ]
