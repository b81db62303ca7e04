# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_regression_tracker.series import is_tag
from kci_shared.models import Revision


@pytest.mark.parametrize(
    ("fields", "tagged"),
    [
        ({}, False),
        ({"describe": "v6.16-rc1"}, True),
        ({"describe": "v6.16-rc1-9-g7f9acae9c436"}, False),
        ({"describe": "v6.16-rc1-9-g7f9acae9c436-dirty"}, False),
        ({"describe": "v6.16-9-g7f9acae9c436", "commit_tags": ["tested"]}, True),
    ],
)
def test_a_revision_is_tagged_by_its_tags_or_its_describe(
    fields: dict[str, object], tagged: bool
) -> None:
    revision = {"tree": "t", "url": "u", "branch": "b", "commit": "c", **fields}
    assert is_tag(Revision.model_validate(revision)) is tagged
