# SPDX-License-Identifier: LGPL-2.1-or-later
"""Say faults in KCIDB's words: an issue for a fault, an incident for each sight of it.

KCIDB keeps the first version of an issue for ever. So its id is made of what is the
same in each run, and its version never changes; what belongs to one run stands in the
incident.
"""

import hashlib
from typing import Any

from kci_kcidb_bridge import text
from kci_kcidb_bridge.rows import Culprit, IncidentRow, IssueRow
from kci_kcidb_bridge.translate import name_of
from kci_shared.models import Finding, Kbuild, Node, Regression
from kci_shared.models.data import BuiltData

VERSION = 1
THE_CODE = Culprit(code=True, tool=False, harness=False)
LONGEST_COMMENT = 400

Rows = list[IssueRow | IncidentRow]


def finding_rows(origin: str, node: Node) -> Rows:
    """Say the faults that a node's log shows."""
    if not isinstance(node.data, BuiltData):
        return []
    place = "build" if isinstance(node, Kbuild) else "runtime"
    rows: Rows = []
    for found in node.data.findings or []:
        issue = _issue(origin, found.signature, [place, found.kind], found.headline)
        rows += [issue, _incident(issue, node, _sight(found))]
    return rows


def regression_rows(
    origin: str, regression: Regression, failed: Node, run: Node
) -> Rows:
    """Say of a run whether it shows a regression: that which failed first does.

    It is one issue for a test on one kind of board.
    """
    said = regression.data
    revision = said.failed_kernel_revision or said.kernel_revision
    branch = [revision.tree, revision.branch] if revision else []
    build = [said.platform, said.arch, said.compiler, said.config_full]
    identity = [*branch, "/".join(failed.path), *map(str, build)]
    comment = " ".join(filter(None, [f"{failed.name} fails:", *branch, *build]))
    signature = f"regression_{_sha1(*identity)}"
    issue = _issue(origin, signature, ["regression"], comment)
    misc = said.model_dump(include={"pass_node", "fail_node", "node_sequence"})
    incident = _incident(issue, run, {"regression": misc})
    shows_it = run.id == failed.id
    return [issue, incident.model_copy(update={"present": shows_it})]


def _issue(origin: str, signature: str, category: list[str], comment: str) -> IssueRow:
    return IssueRow(
        id=f"{origin}:{signature}",
        origin=origin,
        version=VERSION,
        comment=comment[:LONGEST_COMMENT],
        categories=[text.path(category)],
        culprit=THE_CODE,
    )


def _incident(issue: IssueRow, node: Node, misc: dict[str, Any]) -> IncidentRow:
    result = name_of(issue.origin, node)
    is_build = isinstance(node, Kbuild)
    return IncidentRow(
        id=f"{issue.origin}:{_sha1(result, issue.id, str(issue.version))}",
        origin=issue.origin,
        issue_id=issue.id,
        issue_version=issue.version,
        build_id=result if is_build else None,
        test_id=None if is_build else result,
        present=True,
        misc=misc,
    )


def _sight(found: Finding) -> dict[str, Any]:
    return found.model_dump(
        include={"headline", "severity", "line", "count", "url"}, exclude_none=True
    )


def _sha1(*parts: str) -> str:
    said = "\n".join(parts).encode("utf-8", "replace")
    return hashlib.sha1(said, usedforsecurity=False).hexdigest()
