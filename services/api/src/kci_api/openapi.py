# SPDX-License-Identifier: LGPL-2.1-or-later
"""Print the OpenAPI description: `python -m kci_api.openapi > docs/openapi.json`."""

import json
from types import SimpleNamespace
from typing import Any, cast

from kci_api.app import create_app
from kci_api.settings import Settings
from kci_api.wiring import Stores


def document() -> dict[str, Any]:
    """Return the description; it uses no store."""
    settings = Settings(development=True, secret_key="none")  # noqa: S106
    stores = cast("Stores", SimpleNamespace(settings=settings))
    return create_app(stores).openapi()


def text() -> str:
    """Return the description as the file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - the output of the command
