# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real LAVA on one machine, for tests: server, worker, and devices that are QEMU.

    lab.py install        get LAVA's Debian packages, without starting anything
    lab.py up [STATE]     make what is missing, start what does not run, say where
    lab.py down [STATE]   stop it all

As root, on Debian 12. One lab for each machine: LAVA keeps its settings in /etc.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import httpx
from packages import install, missing

from kci_local.lab.images import make_images
from kci_local.ports import Ports
from kci_local.processes import Process, Processes

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
STATE = Path("/var/tmp/kci-lava")  # noqa: S108 - LAVA's own users must come in
SETTINGS = Path("/etc/lava-server/settings.d/99-kci-test.yaml")
TEMPLATES = Path("/etc/lava-server/dispatcher-config")
DISPATCHER = Path("/etc/lava-server/dispatcher.d")
JOBS = Path("/var/lib/lava-server/default/media/job-output")
TFTP = Path("/srv/tftp")
WORKER = "kci-worker"
POSTGRES = Path("/usr/lib/postgresql/15/bin")
SYSTEM = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
"""LAVA is for the system's own Python."""

DEVICES = {
    "qemu-01": "kci-qemu",
    "qemu-02": "kci-qemu",
    "uboot-01": "kci-uboot",
    "grub-01": "kci-grub",
    "dead-01": "kci-dead",
}
LOADERS = {"uboot-01": "u-boot", "grub-01": "grub", "dead-01": "dead"}


class NoLava(Exception):
    """LAVA cannot be run here; the message says what to do."""


class Lab:
    """LAVA in a state folder, on ports of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        for folder in (state, state / "images", state / "events", state / "worker"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        self.ports = Ports(state)
        self.processes = Processes(state)

    @cached_property
    def tokens(self) -> dict[str, str]:
        """The tokens of LAVA's users, made up once."""
        file = self.state / "tokens.json"
        if not file.exists():
            made = {user: secrets.token_hex(32) for user in ("admin", "kernelci")}
            file.touch(0o600)
            file.write_text(json.dumps(made))
        tokens: dict[str, str] = json.loads(file.read_text())
        return tokens

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def about(self) -> dict[str, object]:
        """Tell where all is."""
        return {
            "url": self.url("web"),
            "images": self.url("images"),
            "tokens": self.tokens,
            "devices": DEVICES,
        }

    async def up(self) -> None:
        """Make what is missing, and start what does not run."""
        if wanted := missing():
            raise NoLava(f"needs {' '.join(wanted)}: run `lab.py install` as root")
        if os.geteuid():
            raise NoLava("needs root: LAVA's parts run as users of their own")
        self._images()
        self._start_postgres()
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
        made = make_images(PROJECT / "var" / "cache")
        for image in (made.kernel, made.ramdisk):
            shutil.copyfile(image, self.state / "images" / image.name)

    def _start_postgres(self) -> None:
        folder = self.state / "postgres"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            shutil.chown(folder, "postgres", "postgres")
            self._as("postgres", POSTGRES / "initdb", "-D", folder, "-A", "trust", "-N")
            # LAVA skips as many lines of a job's log as a former job of that number has
            shutil.rmtree(JOBS, ignore_errors=True)
        options = f"-F -p {self.ports['postgres']} -k {folder} -h 127.0.0.1"
        control: list[str | Path] = [POSTGRES / "pg_ctl", "-D", folder, "-s", "-w"]
        if not (folder / "postmaster.pid").exists():
            self._as("postgres", *control, "-l", folder / "log", "-o", options, "start")
        if not (folder / "made").exists():
            sql = "create role lavaserver login; create database lavaserver owner"
            for statement in f"{sql} lavaserver".split(";"):
                where = ["-h", "127.0.0.1", "-p", str(self.ports["postgres"])]
                self._as("postgres", POSTGRES / "psql", *where, "-qc", statement)
            (folder / "made").touch()

    def _configure(self) -> None:
        """Write LAVA's settings, and how its devices are reached."""
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "lavaserver",
            "USER": "lavaserver",
            "PASSWORD": "none",
            "HOST": "127.0.0.1",
            "PORT": self.ports["postgres"],
        }
        settings = {
            "DATABASES": {"default": database},
            "ALLOWED_HOSTS": ["*"],
            "EVENT_NOTIFICATION": True,
            "INTERNAL_EVENT_SOCKET": f"ipc://{self.state}/events/socket",
            "EVENT_SOCKET": f"tcp://127.0.0.1:{self.ports['events']}",
            **dict.fromkeys(("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"), False),
        }
        self._write(SETTINGS, json.dumps(settings))  # which is YAML, too
        self._write(
            DISPATCHER / WORKER / "dispatcher.yaml", "dispatcher_ip: 127.0.0.1\n"
        )
        board = self.state / "board.py"
        shutil.copyfile(HERE / "board.py", board)
        board.chmod(0o755)
        for template in (HERE / "types").iterdir():
            self._write(
                TEMPLATES / "device-types" / template.name, template.read_text()
            )
        for name, kind in DEVICES.items():
            said = f"{{% extends '{kind}.jinja2' %}}\n"
            if loader := LOADERS.get(name):
                said += f"{{% set connection_command = '{board} {loader} {TFTP}' %}}\n"
                for what in ("hard_reset", "power_on", "power_off"):
                    said += f"{{% set {what}_command = '/bin/true' %}}\n"
            self._write(TEMPLATES / "devices" / f"{name}.jinja2", said)
        for folder in (self.state / "events", Path("/var/log/lava-server"), JOBS):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.chown(folder, "lavaserver", "lavaserver")
        TFTP.mkdir(exist_ok=True)

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for path in (file, file.parent):
            shutil.chown(path, "lavaserver", "lavaserver")

    def _seed(self) -> None:
        drop = self.state / "events" / "worker.token"  # LAVA's user may write there
        told = {
            "tokens": self.tokens,
            "worker": WORKER,
            "devices": DEVICES,
            "token_file": str(drop),
        }
        seed = (HERE / "seed.py").read_text()
        self._manage("shell", "-c", seed, KCI_SEED=json.dumps(told))
        shutil.move(drop, self.state / "worker" / "token")

    def _manage(self, *command: str, **env: str) -> None:
        self._as("lavaserver", "lava-server", "manage", *command, **env)

    def _as(self, user: str, *command: str | Path, **env: str) -> None:
        """Run a command of LAVA's or PostgreSQL's as their user."""
        done = subprocess.run(
            ["runuser", "-u", user, "--", *command],
            cwd="/", env={**SYSTEM, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise NoLava(f"{command[0]} {command[1]} failed:\n{done.stdout[-2000:]}")

    def parts(self) -> list[Process]:
        """Say what runs, in the order of its start."""
        web, logs = self.ports["web"], Path("/var/log/lava-server")
        images = str(self.state / "images")
        events = f"tcp://127.0.0.1:{self.ports['events']}"
        socket = self.ports["socket"]
        server = f"http://127.0.0.1:{web}"
        manage = ["lava-server", "manage"]
        return [
            self._part(
                "images", "python3", "-m", "http.server", self.ports["images"],
                "--bind", "127.0.0.1", "--directory", images, port=self.ports["images"],
            ),
            self._part("coordinator", "lava-coordinator", "--logfile", logs / "co.log"),
            self._part(
                "publisher", *manage, "lava-publisher", "--log-file", logs / "pub.log",
                "--host", "127.0.0.1", "--port", socket, port=socket,
            ),
            self._part(
                "web", "gunicorn3", "lava_server.wsgi", "-u", "lavaserver",
                "-g", "lavaserver", "--worker-class", "eventlet", "--workers", 2,
                "--log-file", logs / "web.log", "--bind", f"127.0.0.1:{web}", port=web,
            ),
            self._part(
                "scheduler", *manage, "lava-scheduler", "--event-url", events,
                "--log-file", logs / "scheduler.log",
            ),
            self._part(
                "worker", "lava-worker", "--name", WORKER, "--url", f"{server}/",
                "--worker-dir", self.state / "worker", "--ws-url",
                f"http://127.0.0.1:{socket}/ws/", "--token-file",
                self.state / "worker" / "token", "--log-file", logs / "worker.log",
                # by default the end of a job is noticed 20 s later
                "--ping-interval", 2, "--job-log-interval", 1,
            ),
        ]  # fmt: skip

    def _part(self, name: str, *command: object, port: int | None = None) -> Process:
        return Process(name, [str(word) for word in command], env=SYSTEM, port=port)

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
        """Stop everything, the jobs first: they outlive their worker on purpose."""
        await self.processes.stop("worker")
        self._kill_jobs()
        for name in reversed(self.processes.running()):
            await self.processes.stop(name)
        folder = self.state / "postgres"
        if (folder / "postmaster.pid").exists():
            control: list[str | Path] = [POSTGRES / "pg_ctl", "-D", folder, "-s"]
            self._as("postgres", *control, "-m", "fast", "stop")

    def _kill_jobs(self) -> None:
        mark = str(self.state / "worker").encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if b"lava-run" in command and mark in command:
                os.kill(int(process.name), signal.SIGKILL)  # its QEMU ends with it


async def main(do: str = "up", state: str = str(STATE)) -> None:
    if do == "install":
        install()
        return
    lab = Lab(Path(state))
    if do == "down":
        await lab.down()
        return
    await lab.up()
    print(json.dumps(lab.about()))  # noqa: T201 - the answer


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except NoLava as error:
        sys.exit(str(error))
