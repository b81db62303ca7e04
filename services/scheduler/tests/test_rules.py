# SPDX-License-Identifier: LGPL-2.1-or-later
"""What nodes mean to the configuration."""

import pytest
from scheduler_fakes import SchedulerApi

from kci_scheduler.rules import is_due_again, names, satisfies
from kci_shared.config import Config, Need
from kci_shared.models import NewNode, Node

SPOILED = {"error_code": "Infrastructure"}


def a_test(api: SchedulerApi, **fields: object) -> Node:
    """Add a test below a job that nobody planned."""
    root = api.submit({})
    ended = {"kind": "test", "name": "uname", "state": "done", "result": "pass"}
    return api.add(NewNode.model_validate({**ended, "parent": root.id, **fields}))


def test_a_build_without_a_revision_is_of_no_entry(
    api: SchedulerApi, config: Config
) -> None:
    api.submit({})
    [build] = [node for node in api.nodes.values() if node.kind == "kbuild"]
    bare = api.change(build.id, data={"kernel_revision": None})
    assert names(config, bare) == set()
    assert names(config, build) == {"build/debian"}


def test_a_test_is_needed_by_no_name_and_never_retried(
    api: SchedulerApi, config: Config
) -> None:
    node = a_test(api, result="incomplete", data=SPOILED)
    assert names(config, node) == set()
    assert not is_due_again(config, node)


@pytest.mark.parametrize(
    ("result", "fulfilled"),
    [
        ("pass", {Need.PASS, Need.DONE, Need.AVAILABLE}),
        ("fail", {Need.FAIL, Need.DONE}),
        ("incomplete", {Need.DONE}),
        ("skip", {Need.DONE}),
    ],
)
def test_a_node_that_is_done_fulfils_what_its_result_says(
    api: SchedulerApi, config: Config, result: str, fulfilled: set[Need]
) -> None:
    node = a_test(api, result=result)
    assert {need for need in Need if satisfies(config, node, need)} == fulfilled
