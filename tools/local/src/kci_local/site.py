# SPDX-License-Identifier: LGPL-2.1-or-later
"""One state folder on this machine: its folders, addresses and secrets."""

from dataclasses import dataclass
from pathlib import Path

from kci_local.ports import Ports
from kci_local.tokens import Secrets


@dataclass(frozen=True)
class Site:
    """One state folder, with the addresses of what runs in it."""

    state: Path
    config: Path
    """The YAML configuration of trees, builds, tests, platforms and labs."""
    cache: Path
    """Files that all state folders share: kernel and initramfs."""
    ports: Ports
    secrets: Secrets

    @classmethod
    def open(cls, state: Path, config: Path, cache: Path) -> "Site":
        """Open a state folder; make it if it does not exist."""
        state = state.absolute()
        state.mkdir(parents=True, exist_ok=True)
        ports, secrets = Ports(state), Secrets(state)
        return cls(state, config.absolute(), cache.absolute(), ports, secrets)

    def url(self, name: str) -> str:
        """Return the URL of a part that serves HTTP."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def address(self, name: str) -> str:
        """Return host and port of a part."""
        return f"127.0.0.1:{self.ports[name]}"

    @property
    def redis_url(self) -> str:
        """The address of Redis, which holds the event streams."""
        return f"redis://{self.address('redis')}/0"

    @property
    def mongo_url(self) -> str:
        """The address of MongoDB, which holds the node tree."""
        return f"mongodb://{self.address('mongo')}/kci?directConnection=true"

    @property
    def netboot(self) -> Path:
        """The folder of the boards' folders."""
        return self.folder("boards")

    def board(self, name: str) -> Path:
        """Return the folder of a board: its images, and files that break it."""
        return self.folder(f"boards/{name}")

    @property
    def mails(self) -> Path:
        """The Maildir that receives every mail."""
        return self.folder("mail")

    @property
    def kcidb(self) -> Path:
        """The folder of the KCIDB receiver."""
        return self.folder("kcidb")

    def folder(self, name: str) -> Path:
        """Return a folder in the state folder; make it if it does not exist."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path
