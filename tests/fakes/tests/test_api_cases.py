# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fake API passes the cases that the real one passes (tests/integration)."""

import pytest
from api_cases import CASES, SCOPES, Case

from kci_fakes.api import FakeApi


@pytest.mark.parametrize("case", CASES)
async def test_the_fake_does_as_the_api(case: Case) -> None:
    api = FakeApi()
    api.scopes = SCOPES
    await case(api)
