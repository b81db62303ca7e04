# SPDX-License-Identifier: LGPL-2.1-or-later
"""Powers off a board whose runner is dead: ``power_off ENVIRONMENT-FILE``."""

import sys

from labgrid import Environment

import kci_labgrid_bridge.runner.console
import kci_labgrid_bridge.runner.strategy  # noqa: F401 - registers a class with labgrid


def main(environment: str) -> None:
    """Power off the board of the place in `LG_PLACE`, which we hold."""
    target = Environment(environment).get_target()
    target.get_driver("PowerProtocol").off()


if __name__ == "__main__":
    main(sys.argv[1])
