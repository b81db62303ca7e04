# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets of one state folder, and a token of its own for each service."""

import secrets
import time
from pathlib import Path

import httpx
from jose import jwt

from kci_local.services import SERVICES

LAB = "lab-demo"
"""The lab that labgrid-bridge serves here: config/ has jobs for it."""
SCOPES = {
    "outside": ["nodes:write"],
    **{service.name: service.permissions for service in SERVICES if service.token},
    "labgrid-bridge": [f"runtime:{LAB}"],
}
MONTH_S = 30 * 24 * 3600
KCIDB_ORIGIN = "demo"


class Secrets:
    """Files that only their owner may read."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "secrets"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return the file of a secret."""
        return self._folder / name

    def ensure(self, name: str) -> Path:
        """Return the file of a secret; make a random one if it does not exist."""
        if not self.path(name).exists():
            self.write(name, secrets.token_urlsafe(32))
        return self.path(name)

    def write(self, name: str, value: str) -> None:
        """Store a secret; a reader of the file sees the old one or the new one."""
        part = self.path(f"{name}.part")
        part.touch(mode=0o600)
        part.write_text(value)
        part.replace(self.path(name))


def issue_tokens(api_url: str, store: Secrets) -> None:
    """Log in as the administrator, keep that token, and make one for each service."""
    with httpx.Client(base_url=api_url, trust_env=False) as http:
        password = store.path("admin.password").read_text()
        form = {"username": "admin", "password": password}
        login = http.post("/latest/user/login", data=form).raise_for_status().json()
        store.write("admin.token", login["access_token"])
        http.headers["Authorization"] = f"Bearer {login['access_token']}"
        for name, scopes in SCOPES.items():
            if not store.path(f"{name}.token").exists():
                token = {"name": name, "scopes": scopes, "expires_in": MONTH_S}
                answer = http.post("/latest/tokens", json=token).raise_for_status()
                store.write(f"{name}.token", answer.json()["token"])
    issue_kcidb_token(store)


def issue_kcidb_token(store: Secrets) -> None:
    """Make the token of our origin for the local KCIDB receiver."""
    if not store.path("kcidb.token").exists():
        claims = {"origin": KCIDB_ORIGIN, "exp": int(time.time()) + MONTH_S}
        key = store.ensure("kcidb.key").read_text()
        store.write("kcidb.token", jwt.encode(claims, key, algorithm="HS256"))
