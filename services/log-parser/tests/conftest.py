# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from log_parser_fakes import World


@pytest.fixture
def world() -> World:
    return World()
