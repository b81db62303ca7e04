# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write a configuration: a file for each section, and one for each lab."""

from pathlib import Path
from typing import Any

import yaml

from kci_shared.errors import ConfigError

HEAD = "# Imported from KernelCI's configuration by `kci-config import-upstream`.\n"


class Dumper(yaml.SafeDumper):
    """Plain YAML without anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        """Repeat a shared value wherever it is used."""
        return True


def write(made: dict[str, Any], folder: Path) -> None:
    """Write the files into a folder that is empty or does not exist."""
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty; name another folder")
    (folder / "labs").mkdir(parents=True)
    for section, entries in made.items():
        if section == "labs":
            for name, lab in entries.items():
                _write(folder / "labs" / f"{name}.yaml", {"labs": {name: lab}})
        elif entries:
            _write(folder / f"{section}.yaml", {section: entries})


def _write(file: Path, sections: dict[str, Any]) -> None:
    text = yaml.dump(sections, Dumper=Dumper, sort_keys=False, width=88)
    file.write_text(HEAD + text, encoding="utf-8")
