# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of all settings, made from the classes that read them."""

from collections.abc import Mapping
from enum import Enum

from pydantic.fields import FieldInfo

from kci_local.services import SERVICES
from kci_shared.settings import ServiceSettings
from kci_shared.storage import StorageSettings

HEADING = """# Settings

Each is an environment variable; a secret may lie in a file, named by `…_FILE`.
A service reads its settings once, at its start. This page is made from the code
(`make settings-page`).
"""


def page() -> str:
    """Write the page: first what many services are told, then each one's own."""
    common = {**StorageSettings.model_fields, **ServiceSettings.model_fields}
    parts = [HEADING, "## Of many services\n", _table(common)]
    for service in SERVICES:
        fields = service.settings().model_fields
        own = {name: field for name, field in fields.items() if name not in common}
        if own:
            parts += [f"\n## {service.name}\n", _table(own)]
    return "\n".join(parts) + "\n"


def _table(fields: Mapping[str, FieldInfo]) -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in fields.items():
        about = (field.description or "").replace("|", "\\|")
        rows.append(f"| `KCI_{name.upper()}` | {_default(field)} | {about} |")
    return "\n".join(rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default == "":
        return ""
    return f"`{default.value if isinstance(default, Enum) else default}`"


if __name__ == "__main__":
    print(page(), end="")
