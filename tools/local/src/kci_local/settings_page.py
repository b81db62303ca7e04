# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of all settings, generated from the classes that read them."""

from pydantic.fields import FieldInfo

from kci_local.services import SERVICES
from kci_shared.settings import ServiceSettings, variables
from kci_shared.storage import StorageSettings

HEADING = """# Settings

Each is an environment variable; a secret can be in a file, named by `…_FILE`.
A service reads its settings once, at start. This page is generated from the code
(`make settings-page`).
"""


def page() -> str:
    """Return the page: first the settings of many services, then each one's own."""
    common = {**StorageSettings.model_fields, **ServiceSettings.model_fields}
    parts = [HEADING, "## Of many services\n", _table(common)]
    for service in SERVICES:
        fields = service.settings().model_fields
        own = {name: field for name, field in fields.items() if name not in common}
        if own:
            parts += [f"\n## {service.name}\n", _table(own)]
    return "\n".join(parts) + "\n"


def _table(fields: dict[str, FieldInfo]) -> str:
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, default, description in variables(fields):
        shown = default if default.startswith("(") else f"`{default}`"
        about = description.replace("|", "\\|")
        rows.append(f"| `{name}` | {shown if default else ''} | {about} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(page(), end="")
