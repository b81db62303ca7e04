# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fake API offers what the client offers, to the letter."""

import inspect

import pytest

from kci_fakes.api import FakeApi
from kci_shared.client import ApiClient

CALLS = sorted(
    name
    for name, _ in inspect.getmembers(ApiClient, inspect.isfunction)
    if not name.startswith("_")
)


@pytest.mark.parametrize("name", CALLS)
def test_each_call_of_the_client_has_the_same_signature(name: str) -> None:
    assert inspect.signature(getattr(FakeApi, name)) == inspect.signature(
        getattr(ApiClient, name)
    )
