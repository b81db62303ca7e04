# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_shared.errors import ConfigError
from kci_storage.artifacts import open_store


@pytest.mark.parametrize("url", ["bogus://x", "/var/lib/kci", "az://account/container"])
def test_a_store_that_cannot_be_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(ConfigError, match=r"KCI_STORE: .*; use file:///folder"):
        open_store(url)


@pytest.mark.parametrize("url", ["memory:///", "s3://bucket/prefix", "gs://bucket"])
def test_a_store_may_be_elsewhere(url: str) -> None:
    assert open_store(url) is not None
