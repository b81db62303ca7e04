# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power a board off whose runner cannot any more: ``power_off ENVIRONMENT-FILE``."""

import sys

from labgrid import Environment

import kci_labgrid_bridge.runner.console
import kci_labgrid_bridge.runner.strategy  # noqa: F401 - labgrid finds what is there


def main(environment: str) -> None:
    """Switch the board off that `LG_PLACE` names, and that we hold."""
    target = Environment(environment).get_target()
    target.get_driver("PowerProtocol").off()


if __name__ == "__main__":
    main(sys.argv[1])
