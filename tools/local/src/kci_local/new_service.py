# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make a new service from the example: ``make new-service NAME=my-service``."""

import argparse
import re
import shutil
import sys
from pathlib import Path

EXAMPLE = Path("docs/examples/service")
LIST = Path("tools/local/src/kci_local/services.toml")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class BadName(Exception):
    """A service cannot have this name; the message says why."""


def make_service(project: Path, name: str) -> Path:
    """Make the folder of a service, and list it; return the folder.

    Raises `BadName` if the name is taken, or cannot be that of a package.
    """
    folder = project / "services" / name
    if not NAME.fullmatch(name):
        raise BadName(f"not a name of lower-case words joined by '-': {name!r}")
    if folder.exists():
        raise BadName(f"this service exists: {folder}; choose another name")
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(project / EXAMPLE, folder, ignore=ignored)
    package = f"kci_{name.replace('-', '_')}"
    (folder / "src" / "kci_example").rename(folder / "src" / package)
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text().replace("kci_example", package)
            path.write_text(re.sub(r"\bexample\b", name, text))
    with (project / LIST).open("a") as services:
        services.write(f"\n[{name}]\n")
    return folder


def main() -> None:
    """Make the service that the command line names, in the folder where this is run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="such as my-service")
    try:
        folder = make_service(Path.cwd(), parser.parse_args().name)
    except BadName as error:
        sys.exit(str(error))
    print(f"{folder.relative_to(Path.cwd())} is a service; what next: its README")


if __name__ == "__main__":
    main()
