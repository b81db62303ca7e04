# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each part of the system is run on one machine.

The name of a replica has a suffix, such as `-2`.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from kci_local import labgrid
from kci_local.processes import Process
from kci_local.site import Site
from kci_local.tokens import KCIDB_ORIGIN, LAB

BIN = Path(sys.executable).parent


def store_parts(site: Site) -> list[Process]:
    """Run an embedded MongoDB-wire server, which syncs each write, and Redis."""
    return [_mongo(site, site.ports["mongo"]), _redis(site, site.ports["redis"])]


def _mongo(site: Site, port: int) -> Process:
    command = [
        str(BIN / "secantusd-py"),
        f"--port={port}",
        f"--storage-path={site.folder('mongo')}",
        "--sync-on-commit",
        "--cache-size=256M",
    ]
    return Process("mongo", command, port=port)


def _redis(site: Site, port: int) -> Process:
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(site.folder("redis")),
        "--appendonly": "yes",
    }
    words = [word for option in options.items() for word in option]
    return Process("redis", ["redis-server", *words], port=port)


def api_part(site: Site, replica: str = "") -> Process:
    """Run the API; its first administrator is `admin`."""
    password = site.secrets.ensure("admin.password")
    name = f"api{replica}"
    return Process(
        name,
        [str(BIN / "kci-api"), "serve"],
        env={
            "KCI_PORT": str(site.ports[name]),
            "KCI_MONGO_URL": site.mongo_url,
            "KCI_REDIS_URL": site.redis_url,
            "KCI_SECRET_KEY_FILE": str(site.secrets.ensure("jwt.key")),
            "KCI_ADMIN_USER": "admin",
            "KCI_ADMIN_PASSWORD": password.read_text(),
        },
        health=f"{site.url(name)}/ready",
    )


def lab_parts(site: Site) -> list[Process]:
    """Run a labgrid lab of QEMU boards, with a power relay and serial lines."""
    return labgrid.lab_parts(site)


def sink_parts(site: Site) -> list[Process]:
    """Receive mail and KCIDB submissions, so that none leaves this machine."""
    smtp, kcidb = site.ports["smtp"], site.ports["kcidb"]
    return [
        _module("smtp_sink", "smtp", smtp, ["--maildir", str(site.mails)], {}),
        _module(
            "kcidb_receiver",
            "kcidb",
            kcidb,
            ["--dir", str(site.kcidb)],
            {"KCIDB_JWT_SECRET": site.secrets.ensure("kcidb.key").read_text()},
        ),
    ]


def _module(
    module: str, name: str, port: int, arguments: list[str], env: dict[str, str]
) -> Process:
    command = [sys.executable, "-m", f"kci_fakes.{module}", "--port", str(port)]
    return Process(name, command + arguments, env=env, port=port)


def storage_part(site: Site) -> Process:
    """Run the artifact storage, on local files."""
    return Process(
        "storage",
        [str(BIN / "kci-storage")],
        env={
            "KCI_PORT": str(site.ports["storage"]),
            "KCI_API_URL": site.url("api"),
            "KCI_STORE": site.folder("artifacts").as_uri(),
        },
        health=f"{site.url('storage')}/ready",
    )


def service_part(site: Site, name: str, replica: str = "") -> Process:
    """Run one of our services, with the settings of all services and its own."""
    health = site.ports[f"{name}{replica} health"]
    own = OWN_SETTINGS[name](site) if name in OWN_SETTINGS else {}
    return Process(
        f"{name}{replica}",
        [str(BIN / f"kci-{name}")],
        env={
            "KCI_API_URL": site.url(f"api{replica}"),
            "KCI_TOKEN_FILE": str(site.secrets.path(f"{name}.token")),
            "KCI_REDIS_URL": site.redis_url,
            "KCI_STORAGE_URL": site.url("storage"),
            "KCI_HEALTH_PORT": str(health),
            **own,
        },
        health=f"http://127.0.0.1:{health}/ready",
    )


def _scheduler(site: Site) -> dict[str, str]:
    return {"KCI_CONFIG": str(site.config)}


def _labgrid_bridge(site: Site) -> dict[str, str]:
    return {
        "KCI_RUNTIME": LAB,
        "KCI_LAB": str(labgrid.write_lab_file(site)),
        "KCI_LEASE": "15",
        "KCI_CACHE": str(site.folder("cache")),
    }


def _lava_bridge(site: Site) -> dict[str, str]:
    return {
        "KCI_RUNTIME": "lab-lava",
        "KCI_LAB": str(site.state / "lava.yaml"),
        "KCI_CACHE": str(site.folder("cache")),
    }


def _kubernetes_bridge(site: Site) -> dict[str, str]:
    return {
        "KCI_RUNTIME": "lab-kubernetes",
        "KCI_LAB": str(site.state / "kubernetes.yaml"),
        "KCI_CACHE": str(site.folder("cache")),
    }


def _email_reporter(site: Site) -> dict[str, str]:
    return {
        "KCI_MAIL_MODE": "live",
        "KCI_MAIL_FROM": "KernelCI bot <bot@ci.example.org>",
        "KCI_MAIL_DOMAIN": "ci.example.org",
        "KCI_MAIL_TO": '["kernelci-results@ci.example.org"]',
        "KCI_MAIL_ARCHIVE": str(site.mails),
        "KCI_MAIL_SETTLE": "2",
        "KCI_LEASE": "10",
        "KCI_SMTP_PORT": str(site.ports["smtp"]),
    }


def _kcidb_bridge(site: Site) -> dict[str, str]:
    return {
        "KCI_ORIGIN": KCIDB_ORIGIN,
        "KCI_KCIDB_URL": site.url("kcidb"),
        "KCI_KCIDB_TOKEN_FILE": str(site.secrets.path("kcidb.token")),
    }


def _trigger(site: Site) -> dict[str, str]:
    return {
        "KCI_CONFIG": str(site.config),
        "KCI_PORT": str(site.ports["trigger"]),
        "KCI_CACHE": str(site.folder("cache")),
        "KCI_PROTOCOLS": '["https", "git", "file"]',
        "KCI_POLL": "1",
        "KCI_LEASE": "10",
    }


def _builder(site: Site) -> dict[str, str]:
    return {
        "KCI_CACHE": str(site.folder("cache")),
        "KCI_CCACHE": str(site.cache / "ccache"),
        "KCI_LEASE": "15",
    }


def _local_bridge(site: Site) -> dict[str, str]:
    return {"KCI_CACHE": str(site.folder("cache")), "KCI_LEASE": "15"}


OWN_SETTINGS: dict[str, Callable[[Site], dict[str, str]]] = {
    "scheduler": _scheduler,
    "labgrid-bridge": _labgrid_bridge,
    "lava-bridge": _lava_bridge,
    "kubernetes-bridge": _kubernetes_bridge,
    "email-reporter": _email_reporter,
    "kcidb-bridge": _kcidb_bridge,
    "trigger": _trigger,
    "builder": _builder,
    "local-bridge": _local_bridge,
}
