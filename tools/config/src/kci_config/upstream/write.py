# SPDX-License-Identifier: LGPL-2.1-or-later
"""A configuration as files: one for each section, and one for each lab."""

from pathlib import Path
from typing import Any

import yaml

from kci_shared.errors import ConfigError

HEAD = "# Imported from KernelCI's configuration by `kci-config import-upstream`.\n"


class Dumper(yaml.SafeDumper):
    """Plain YAML that says everything where it belongs."""

    def ignore_aliases(self, _: Any) -> bool:
        """Write what is shared wherever it is used."""
        return True


def write(made: dict[str, Any], folder: Path) -> None:
    """Write the files into a folder that is empty, or not there yet."""
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: is not empty; name another folder")
    (folder / "labs").mkdir(parents=True)
    for section, entries in made.items():
        if section == "labs":
            for name, lab in entries.items():
                _write(folder / "labs" / f"{name}.yaml", {"labs": {name: lab}})
        elif entries:
            _write(folder / f"{section}.yaml", {section: entries})


def _write(file: Path, said: dict[str, Any]) -> None:
    text = yaml.dump(said, Dumper=Dumper, sort_keys=False, width=88)
    file.write_text(HEAD + text, encoding="utf-8")
