# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cases that the fake API passes hold of the real one."""

import pytest
from api_cases import CASES, SCOPES

from integration.conftest import OwnApi
from kci_shared.client import ApiClient
from kci_shared.settings import ClientSettings


async def test_the_api_does_as_its_fake(
    own_api: OwnApi, subtests: pytest.Subtests
) -> None:
    token = await own_api.token("cases", *SCOPES)
    settings = ClientSettings(api_url=own_api.url, token_file=token)
    async with ApiClient.connect(settings) as api:
        for case in CASES:
            with subtests.test(case.__name__):
                await case(api)
