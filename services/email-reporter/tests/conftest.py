# SPDX-License-Identifier: LGPL-2.1-or-later
"""A revision that fails, and the recorded mails that ours are compared with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from email_reporter_fakes import Tree, World

from kci_email_reporter.mail import Mail


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def world(tree: Tree) -> World:
    return World(tree)


def _text(mail: Mail) -> str:
    return mail.to_bytes().decode().replace("\r\n", "\n")


@pytest.fixture(scope="session")
def golden() -> Callable[[str, Mail], None]:
    """Compare a mail with the recorded one; without a record, make it and fail."""

    def check(name: str, mail: Mail) -> None:
        record = Path(__file__).parent / "golden" / name
        if not record.exists():
            record.write_text(_text(mail))
            pytest.fail(f"recorded {record}: read it, then run again")
        assert _text(mail) == record.read_text()

    return check
