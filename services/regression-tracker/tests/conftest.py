# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from regression_tracker_fakes import TrackerApi, World


@pytest.fixture
def world() -> World:
    return World(TrackerApi())
