# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA on one machine, for tests: server, worker, and devices that are QEMU.

    python -m labs.lava.lab install        install LAVA's Debian packages
    python -m labs.lava.lab up [STATE]     start LAVA; print its addresses as JSON
    python -m labs.lava.lab down [STATE]   stop it

Needs root and Debian 12. One lab per machine, as LAVA's settings are in /etc.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from kci_fakes.lab.images import make_images
from kci_local.ports import Ports
from kci_local.processes import Process, Processes
from labs.lava.etc import DEVICES, OWNER, WORKER, write_devices, write_settings
from labs.lava.lab_file import devices
from labs.lava.packages import install, missing
from labs.lava.postgres import Postgres
from labs.lava.system import ENVIRONMENT, NoLava, run_as

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
STATE = Path("/var/tmp/kci-lava")  # noqa: S108 - LAVA's users need access
LOGS = Path("/var/log/lava-server")
JOBS = Path("/var/lib/lava-server/default/media/job-output")


class Lab:
    """A LAVA with its state in a folder, on free ports."""

    def __init__(self, state: Path) -> None:
        self.state = state
        for folder in (state, state / "images", state / "events", state / "worker"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        self.ports = Ports(state)
        self.processes = Processes(state)
        self.postgres = Postgres(state / "postgres", self.ports["postgres"])

    @cached_property
    def tokens(self) -> dict[str, str]:
        """The tokens of LAVA's users, generated once."""
        file = self.state / "tokens.json"
        if not file.exists():
            generated = {user: secrets.token_hex(32) for user in ("admin", "kernelci")}
            file.touch(0o600)
            file.write_text(json.dumps(generated))
        tokens: dict[str, str] = json.loads(file.read_text())
        return tokens

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def description(self) -> dict[str, Any]:
        """Return addresses, tokens, and the devices for a bridge's lab file."""
        return {
            "url": self.url("web"),
            "images": self.url("images"),
            "tokens": self.tokens,
            "devices": devices(),
        }

    async def up(self) -> None:
        """Create the state if it does not exist, and start LAVA."""
        if wanted := missing():
            raise NoLava(
                f"needs {' '.join(wanted)}: run `labs.lava.lab install` as root"
            )
        if os.geteuid():
            raise NoLava("needs root: LAVA's programs run as system users")
        self._images()
        if not self.postgres.exists:
            # LAVA skips as many lines of a job's log as a former job of that number has
            shutil.rmtree(JOBS, ignore_errors=True)
        self.postgres.start()
        self._configure()
        if not (self.state / "migrated").exists():
            self._manage("migrate", "--noinput")
            (self.state / "migrated").touch()
        if not (self.state / "worker" / "token").exists():
            self._seed()
        for part in self.parts():
            await self.processes.start(part)
            await self.processes.until_ready(part)
        await self._until_worker_is_online()

    def _images(self) -> None:
        images = make_images(PROJECT / "var" / "cache")
        for image in (images.kernel, images.ramdisk):
            shutil.copyfile(image, self.state / "images" / image.name)

    def _configure(self) -> None:
        """Write LAVA's settings, and make the folders that it writes to."""
        write_settings(
            self.postgres.connection,
            inside=f"ipc://{self.state}/events/socket",
            outside=self._events,
        )
        write_devices(self.state / "board.py")
        for folder in (self.state / "events", LOGS, JOBS):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.chown(folder, OWNER, OWNER)

    @property
    def _events(self) -> str:
        return f"tcp://127.0.0.1:{self.ports['events']}"

    def _seed(self) -> None:
        drop = self.state / "events" / "worker.token"  # LAVA's user may write there
        seed_values = {
            "tokens": self.tokens,
            "worker": WORKER,
            "devices": DEVICES,
            "token_file": str(drop),
        }
        seed = (HERE / "seed.py").read_text()
        self._manage("shell", "-c", seed, KCI_SEED=json.dumps(seed_values))
        shutil.move(drop, self.state / "worker" / "token")

    def _manage(self, *command: str, **env: str) -> None:
        run_as(OWNER, "lava-server", "manage", *command, **env)

    def parts(self) -> list[Process]:
        """Return the programs, in the order in which they start."""
        web, socket = self.ports["web"], self.ports["socket"]
        images = str(self.state / "images")
        manage = ["lava-server", "manage"]
        return [
            self._part(
                "images", "python3", "-m", "http.server", self.ports["images"],
                "--bind", "127.0.0.1", "--directory", images, port=self.ports["images"],
            ),
            self._part("coordinator", "lava-coordinator", "--logfile", LOGS / "co.log"),
            self._part(
                "publisher", *manage, "lava-publisher", "--log-file", LOGS / "pub.log",
                "--host", "127.0.0.1", "--port", socket, port=socket,
            ),
            self._part(
                "web", "gunicorn3", "lava_server.wsgi", "-u", OWNER, "-g", OWNER,
                "--worker-class", "eventlet", "--workers", 2,
                "--log-file", LOGS / "web.log", "--bind", f"127.0.0.1:{web}", port=web,
            ),
            self._part(
                "scheduler", *manage, "lava-scheduler", "--event-url", self._events,
                "--log-file", LOGS / "scheduler.log",
            ),
            self._part(
                "worker", "lava-worker", "--name", WORKER, "--url", self.url("web"),
                "--ws-url", f"http://127.0.0.1:{socket}/ws/",
                "--worker-dir", self.state / "worker",
                "--token-file", self.state / "worker" / "token",
                "--log-file", LOGS / "worker.log",
                # by default the end of a job is noticed 20 s later
                "--ping-interval", 2, "--job-log-interval", 1,
            ),
        ]  # fmt: skip

    def _part(self, name: str, *command: object, port: int | None = None) -> Process:
        return Process(
            name, [str(word) for word in command], env=ENVIRONMENT, port=port
        )

    async def _until_worker_is_online(self) -> None:
        headers = {"Authorization": f"Token {self.tokens['admin']}"}
        url = f"{self.url('web')}/api/v0.2/workers/{WORKER}/"
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                answer = await http.get(url, headers=headers, timeout=30)
                if answer.is_success and answer.json()["state"] == "Online":
                    return
                await asyncio.sleep(0.5)

    async def down(self) -> None:
        """Stop everything, jobs first: LAVA's jobs survive their worker."""
        await self.processes.stop("worker")
        self._kill_jobs()
        for name in reversed(self.processes.running()):
            await self.processes.stop(name)
        self.postgres.stop()

    def _kill_jobs(self) -> None:
        mark = str(self.state / "worker").encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"lava-run" in command and mark in command:
                os.kill(int(process.name), signal.SIGKILL)  # its QEMU ends with it


async def main(command: str = "up", state: str = str(STATE)) -> None:
    if command == "install":
        install()
        return
    lab = Lab(Path(state))
    if command == "down":
        await lab.down()
        return
    await lab.up()
    print(json.dumps(lab.description()))  # noqa: T201 - the answer


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except NoLava as error:
        sys.exit(str(error))
