# SPDX-License-Identifier: LGPL-2.1-or-later
"""KCIDB issues and incidents: an issue for each fault, an incident for each occurrence.

KCIDB keeps the first version of an issue for good. So an issue's id depends only on
what is equal in every run, its version is constant, and all that belongs to one run is
in the incident.
"""

import hashlib
from typing import Any

from kci_kcidb_bridge import text
from kci_kcidb_bridge.row_models import Culprit, IncidentRow, IssueRow
from kci_kcidb_bridge.translate import row_id
from kci_shared.models import Finding, Kbuild, Node, Regression
from kci_shared.models.data import BuiltData

VERSION = 1
KERNEL = Culprit(code=True, tool=False, harness=False)
COMMENT_MAX_CHARS = 400

Rows = list[IssueRow | IncidentRow]


def finding_rows(origin: str, node: Node) -> Rows:
    """Return issue and incident of each fault in the node's log."""
    if not isinstance(node.data, BuiltData):
        return []
    phase = "build" if isinstance(node, Kbuild) else "runtime"
    rows: Rows = []
    for finding in node.data.findings or []:
        category = [phase, finding.kind]
        issue = _issue(origin, finding.signature, category, finding.headline)
        rows += [issue, _incident(issue, node, _evidence(finding), present=True)]
    return rows


def regression_rows(
    origin: str, regression: Regression, failed: Node, run: Node
) -> Rows:
    """Return the regression's issue, and an incident on `run`.

    The issue is the same for one test on one platform and build. The incident is
    `present` on the run that failed first, and absent on any other.
    """
    data = regression.data
    revision = data.failed_kernel_revision or data.kernel_revision
    branch = [revision.tree, revision.branch] if revision else []
    build = [data.platform, data.arch, data.compiler, data.config_full]
    identity = [*branch, "/".join(failed.path), *map(str, build)]
    comment = " ".join(filter(None, [f"{failed.name} fails:", *branch, *build]))
    signature = f"regression_{_sha1(*identity)}"
    issue = _issue(origin, signature, ["regression"], comment)
    nodes = data.model_dump(include={"pass_node", "fail_node", "node_sequence"})
    present = run.id == failed.id
    return [issue, _incident(issue, run, {"regression": nodes}, present=present)]


def _issue(origin: str, signature: str, category: list[str], comment: str) -> IssueRow:
    return IssueRow(
        id=f"{origin}:{signature}",
        origin=origin,
        version=VERSION,
        comment=comment[:COMMENT_MAX_CHARS],
        categories=[text.path(category)],
        culprit=KERNEL,
    )


def _incident(
    issue: IssueRow, node: Node, misc: dict[str, Any], *, present: bool
) -> IncidentRow:
    result_id = row_id(issue.origin, node)
    is_build = isinstance(node, Kbuild)
    return IncidentRow(
        id=f"{issue.origin}:{_sha1(result_id, issue.id, str(issue.version))}",
        origin=issue.origin,
        issue_id=issue.id,
        issue_version=issue.version,
        build_id=result_id if is_build else None,
        test_id=None if is_build else result_id,
        present=present,
        misc=misc,
    )


def _evidence(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(
        include={"headline", "severity", "line", "count", "url"}, exclude_none=True
    )


def _sha1(*parts: str) -> str:
    joined = "\n".join(parts).encode("utf-8", "replace")
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()
