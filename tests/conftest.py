# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which tests stay together when several run beside each other."""

from pathlib import Path

import pytest

END_TO_END = Path(__file__).with_name("end_to_end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file in one process, and all that share the one whole system, too."""
    for item in items:
        whole_system = item.path.is_relative_to(END_TO_END)
        group = END_TO_END if whole_system else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))
