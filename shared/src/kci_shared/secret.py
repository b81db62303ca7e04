# SPDX-License-Identifier: LGPL-2.1-or-later
"""A setting that is a secret: its value, or a file that holds it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from kci_shared.errors import ConfigError


@dataclass(frozen=True)
class Secret:
    """The setting `KCI_X`, or the file that the setting `KCI_X_FILE` names."""

    variable: str
    value: SecretStr | None = None
    file: Path | None = None

    @property
    def setting(self) -> str:
        """The variable that is set, with its file if it names one: for messages."""
        return f"{self.variable}_FILE ({self.file})" if self.file else self.variable

    def read(self) -> str:
        """Return the secret as it is now: its file may change while a service runs.

        Raises `ConfigError` if the file cannot be read.
        """
        if self.file is None:
            return self.value.get_secret_value() if self.value else ""
        try:
            return self.file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise ConfigError(
                f"{self.variable}_FILE: {self.file}: {reason}; "
                f"create this file, or set {self.variable}"
            ) from error

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate nothing: settings are built with what `collect` has made."""
        return core_schema.is_instance_schema(cls)


def collect(
    fields: dict[str, FieldInfo], prefix: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Return what was given, with each secret and its file as one `Secret`."""
    collected = dict(given)
    for name in filter(lambda name: is_secret(fields[name]), fields):
        value, file = collected.pop(name, None), collected.pop(f"{name}_file", None)
        variable = f"{prefix}{name}".upper()
        if value and file:
            raise ValueError(f"set either {variable} or {variable}_FILE, not both")
        if isinstance(value, Secret):
            collected[name] = value
        elif value:
            text = value if isinstance(value, SecretStr) else SecretStr(value)
            collected[name] = Secret(variable, value=text)
        elif file:
            collected[name] = Secret(variable, file=Path(file))
    return collected


def is_secret(field: FieldInfo) -> bool:
    """Say whether a field is a `Secret`, required or not."""
    return Secret in (field.annotation, *get_args(field.annotation))
