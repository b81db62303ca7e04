# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keep a labgrid exporter running: it exits whenever its coordinator goes away."""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from kci_local.lab.board import LAST_WISH

PAUSE = 1.0
"""Between two starts, in seconds."""


def main() -> None:
    """Start the exporter again and again, until a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coordinator", help="host:port")
    parser.add_argument("config", type=Path, help="the exporter's YAML file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    command = [
        *LAST_WISH,
        str(Path(sys.executable).with_name("labgrid-exporter")),
        *("-c", options.coordinator, "-n", "lab", "--hostname", "127.0.0.1"),
        str(options.config),
    ]
    while True:
        subprocess.run(command, check=False)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
