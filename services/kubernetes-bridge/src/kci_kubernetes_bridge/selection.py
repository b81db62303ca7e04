# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the context of a kubeconfig that the bridge uses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import ValidationError

from kci_kubernetes_bridge.kubeconfig import Cluster, Context, Kubeconfig, User
from kci_shared.errors import ConfigError


@dataclass(frozen=True)
class Selection:
    """A context of a kubeconfig with its cluster and its user."""

    cluster: Cluster
    user: User
    namespace: str
    folder: Path
    """The file's folder: relative paths in it start here."""

    @classmethod
    def read(cls, file: Path, context: str | None = None) -> Self:
        """Read a kubeconfig's context, by default the current one.

        Raises `ConfigError`, which never repeats a value of the file.
        """
        try:
            config = Kubeconfig.model_validate(yaml.safe_load(file.read_text()))
            return cls._select(config, context or config.current_context, file.parent)
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{file}: not YAML{_line(error)}") from None
        except ValidationError as error:
            raise ConfigError(f"{file}: {_reasons(error)}") from error
        except LookupError as error:
            raise ConfigError(f"{file}: {error.args[0]}") from error

    def pem(self, data: bytes, file: Path | None) -> bytes:
        """Return what an entry holds as data, or names as a file; empty if neither."""
        return data or ((self.folder / file).read_bytes() if file else b"")

    @classmethod
    def _select(cls, config: Kubeconfig, name: str | None, folder: Path) -> Self:
        context = Context.model_validate(_entry(config.contexts, "context", name))
        return cls(
            Cluster.model_validate(_entry(config.clusters, "cluster", context.cluster)),
            User.model_validate(_entry(config.users, "user", context.user)),
            context.namespace or "default",
            folder,
        )


def _entry(entries: list[dict[str, Any]], kind: str, name: str | None) -> Any:
    for entry in entries:
        if entry.get("name") == name:
            return entry.get(kind) or {}
    raise LookupError(f"no {kind} is named {name!r}")


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}" if mark else ""


def _reasons(error: ValidationError) -> str:
    """Return the mistakes with their places, but without the values."""
    reasons = []
    for one in error.errors(include_input=False, include_url=False):
        where = "".join(f"{part}: " for part in one["loc"])
        reasons.append(f"{where}{one['msg'].removeprefix('Value error, ')}")
    return "; ".join(reasons)
