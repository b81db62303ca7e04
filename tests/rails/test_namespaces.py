# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests pass on a machine without user namespaces, and say what they skip."""

import pytest

from kci_fakes.lab.images import make_images
from rails.conftest import PROJECT, House

pytestmark = pytest.mark.timeout(600)

NO_NAMESPACES = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    "echo 0 >/proc/sys/user/max_user_namespaces"
    ' && exec setpriv --bounding-set=-sys_admin --inh-caps=-all "$@"',
    "sh",
)
"""Runs a command in a namespace in which no other one can be made."""
TESTS = (
    "services/builder",
    "tests/integration/builder",
    "tests/end_to_end/test_5_builds.py",
)


def test_without_user_namespaces_the_builders_tests_say_what_they_skip() -> None:
    here = House(PROJECT)
    if here.run(*NO_NAMESPACES, "true").status != 0:
        pytest.skip("no user namespace can be made here, so none can be taken away")
    sandbox = ("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true")
    assert here.run(*NO_NAMESPACES, *sandbox).status != 0
    make_images(PROJECT / "var" / "cache")  # in there apt could not change its user
    pytest_there = (*NO_NAMESPACES, here.tool("pytest"), "-q", "-p", "no:cacheprovider")
    output = here.must(*pytest_there, *TESTS)
    assert "SKIPPED" in output
    assert "bwrap does not work here: install bubblewrap" in output
