# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from sample_nodes import node

from kci_shared.rules.artifacts import log_url, sha256_in

SHA256 = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "url",
    [
        "https://storage/bzImage",
        "https://storage",
        f"https://storage/{SHA256}",
        f"https://storage/{SHA256.upper()}/bzImage",
        f"https://storage/{SHA256}0/bzImage",
        f"https://storage/?x=/{SHA256}/bzImage",
    ],
)
def test_a_foreign_url_has_no_hash(url: str) -> None:
    assert sha256_in(url) is None


def test_a_url_of_our_storage_has_the_hash_of_its_content() -> None:
    assert sha256_in(f"https://storage/a/{SHA256}/bzImage?x#L1") == SHA256


def test_the_log_of_a_run_is_its_console_and_of_a_build_what_make_printed() -> None:
    assert log_url(node()) is None
    assert log_url(node(artifacts={"build_log": "http://b"})) == "http://b"
    both = {"build_log": "http://b", "log": "http://l"}
    assert log_url(node(artifacts=both)) == "http://l"
