# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where things are on this machine: folders, addresses, secrets of one state folder."""

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
    """What other state folders may use as well: kernel and initramfs."""
    ports: Ports
    secrets: Secrets

    @classmethod
    def open(cls, state: Path, config: Path, cache: Path) -> "Site":
        """Open a state folder, or make one."""
        state = state.absolute()
        state.mkdir(parents=True, exist_ok=True)
        ports, secrets = Ports(state), Secrets(state)
        return cls(state, config.absolute(), cache.absolute(), ports, secrets)

    def url(self, name: str) -> str:
        """Tell where a part answers HTTP."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def address(self, name: str) -> str:
        """Tell host and port of a part."""
        return f"127.0.0.1:{self.ports[name]}"

    @property
    def redis_url(self) -> str:
        """The event streams."""
        return f"redis://{self.address('redis')}/0"

    @property
    def mongo_url(self) -> str:
        """The node tree."""
        return f"mongodb://{self.address('mongo')}/kci?directConnection=true"

    @property
    def netboot(self) -> Path:
        """Where each board has its folder."""
        return self.folder("boards")

    def board(self, name: str) -> Path:
        """Return what a board boots from; its faults are files in there."""
        return self.folder(f"boards/{name}")

    @property
    def mails(self) -> Path:
        """The Maildir in which every mail sent lands."""
        return self.folder("mail")

    @property
    def kcidb(self) -> Path:
        """Where the KCIDB receiver keeps what it got."""
        return self.folder("kcidb")

    def folder(self, name: str) -> Path:
        """Return a folder of the state, made if need be."""
        path = self.state / name
        path.mkdir(parents=True, exist_ok=True)
        return path
