# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that runs one job: how it is started, stopped and killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kci_labgrid_bridge.lab_file import Lab
from kci_labgrid_bridge.report import Remains, read_report
from kci_shared.lab import read_definition
from kci_shared.lab.console import BANNER, PANIC
from kci_shared.lab.faults import Fault, lab_fault
from kci_shared.logging import get_logger
from kci_shared.redaction import redacted
from kci_shared.work import LabJob

log = get_logger(__name__)

RUNNER = Path(__file__).with_name("runner")
STOP_S = 15.0
"""How long a runner may take to power its board off after SIGINT."""
POWER_OFF_S = 10.0
MARK = "LG_KCI_FOLDER"
"""A variable in the environment of all processes of a run: the run's folder."""
IMAGES = ("kernel", "ramdisk", "modules", "dtb")
LAST_OUTPUT = 300
"""Characters of the runner's log that are quoted if it dies."""


def environment(lab: Lab, owner: str, place: str) -> dict[str, str]:
    """Return the environment of a process that works on a place, without secrets.

    Every variable that an environment file may use is set.
    """
    secret = ("KCI_", "PYTEST_")
    runtime, _, job = owner.partition("/")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(secret)},
        **{f"LG_{name.upper()}": os.devnull for name in IMAGES},
        **lab.variables,
        "LG_COORDINATOR": lab.coordinator,
        "LG_HOSTNAME": runtime,
        "LG_USERNAME": job,
        "LG_PLACE": place,
        "LG_BANNER": BANNER,
        "LG_PANIC": PANIC,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def job_environment(job: LabJob, state: str) -> dict[str, str]:
    """Return the variables of a job's runner; images that it lacks are empty files."""
    empty = job.folder / "empty"
    empty.touch()
    images = {name: job.images.get(name, empty) for name in IMAGES}
    return {
        **{f"LG_{name.upper()}": str(file.resolve()) for name, file in images.items()},
        "LG_STATE": state,
        MARK: str(job.folder),
    }


@dataclass(frozen=True)
class Runner:
    """A job's runner; it and its children are a process group of their own."""

    folder: Path
    environment_file: Path
    variables: Mapping[str, str]
    process: asyncio.subprocess.Process

    @classmethod
    async def start(
        cls, job: LabJob, environment_file: Path, variables: Mapping[str, str]
    ) -> "Runner":
        """Start the runner of a job, in the job's folder."""
        tests = [step.model_dump() for step in read_definition(job).tests]
        (job.folder / "tests.json").write_text(json.dumps(tests))
        with (job.folder / "runner.log").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "pytest",
                "-c",
                str(RUNNER / "pytest.ini"),
                "--lg-env",
                str(environment_file),
                str(RUNNER / "job.py"),
                cwd=job.folder,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(job.folder, environment_file, variables, process)

    async def ended(self) -> Fault | None:
        """Wait until the runner has ended; return a fault if it was killed."""
        status = await self.process.wait()
        if status >= 0:
            return None
        return lab_fault(f"the runner was killed by {signal.Signals(-status).name}")

    async def stop(self) -> None:
        """Stop the runner, which powers the board off; if it does not, do that here."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)  # SIGTERM would skip the clean-up
        try:
            async with asyncio.timeout(STOP_S):
                await self.process.wait()
        except TimeoutError:
            log.warning("runner hangs", place=self.variables["LG_PLACE"])
        finally:
            await self.kill()
        if not (self.folder / "off").exists():
            await power_off(self.environment_file, self.variables)

    async def kill(self) -> None:
        """Kill the runner and its children; the board is left as it is."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def is_booted(self) -> bool:
        """Return whether the board has booted to a shell."""
        boot = read_report(self._read("report.jsonl"))[:1]
        return any(line.test is None and line.error is None for line in boot)

    def remains(self, fault: Fault | None) -> Remains:
        """Read what the runner left; `fault` is why it was stopped, if it was."""
        return Remains(
            lines=read_report(self._read("report.jsonl")),
            console=self._read("console.log"),
            fault=fault,
            last_output=self._read("runner.log")[-LAST_OUTPUT:],
        )

    def _read(self, name: str) -> str:
        file = self.folder / name
        return file.read_text(errors="replace") if file.exists() else ""


async def power_off(environment_file: Path, variables: Mapping[str, str]) -> None:
    """Power off a board that we hold; its runner has ended."""
    module = "kci_labgrid_bridge.runner.power_off"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        str(environment_file),
        env=variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(POWER_OFF_S):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        errors = f"no end within {POWER_OFF_S:g} s".encode()
    if process.returncode != 0:
        last_line = errors.decode(errors="replace").strip().rpartition("\n")[2]
        place = variables["LG_PLACE"]
        log.warning("not powered off", place=place, reason=redacted(last_line))


def kill_leftovers(folders: list[Path]) -> None:
    """Kill every process of the runs in these folders, whose bridges are dead."""
    marks = tuple(f"{MARK}={folder}/".encode() for folder in folders)
    for process in Path("/proc").glob("[0-9]*") if marks else ():
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # another user's, or it has ended
        if any(one.startswith(marks) for one in variables):
            log.info("left-over process killed", pid=int(process.name))
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
