# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test results in a job's log, stored as nodes if nobody reported them."""

from kci_log_parser.rules import may_lack_tests
from kci_shared.errors import ApiError
from kci_shared.logging import get_logger
from kci_shared.models import Kind, NewNode, Node, ResultTree
from kci_shared.nodes import Nodes
from kci_shared.rules.results import ResultReader
from kci_shared.work.report import result_trees
from kci_shared.work.subtests import not_shown, subtests_of

log = get_logger(__name__)


class ResultNodes:
    """Stores the results that a log shows below its job."""

    def __init__(self, api: Nodes) -> None:
        self._api = api

    async def reader_for(self, node: Node) -> ResultReader | None:
        """Return what is to read a log's results; None where others reported them."""
        if not may_lack_tests(node):
            return None
        reported = await self._api.count(parent=node.id, kind=Kind.TEST.value)
        return None if reported else ResultReader()

    async def store(self, node: Node, results: ResultReader) -> Node:
        """Store what was read of a job's log; return the job as it is then.

        What the API refuses is only logged: the faults in the log count all the same.
        """
        tests = results.finish()
        if not tests:
            return node
        root = NewNode(kind=node.kind, name=node.name)
        if counts := not_shown(results, tests):
            misc = getattr(node.data, "misc", None) or {}
            root.data = {"misc": {**misc, "results": counts}}
        children = result_trees(node, subtests_of((), tests))
        try:
            stored = await self._api.put_tree(
                node.id, ResultTree(node=root, child_nodes=children)
            )
        except ApiError as error:
            if error.retryable:
                raise
            log.warning("test results refused", reason=str(error))
            return node
        log.info("test results stored", nodes=len(stored) - 1)
        return stored[0]
