# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of the demo: a table for people, and the same as JSON for programs."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from kci_local.demo.evidence import Evidence
from kci_local.demo.timeline import COLOURS
from kci_local.site import Site
from kci_shared.models import Node, Result


def as_json(chapters: list[Evidence], seconds: dict[str, float]) -> dict[str, Any]:
    """Say what came of each revision, in the shape of `summary.json`."""
    return {
        "revisions": [_revision(evidence) for evidence in chapters],
        "mails": [str(path) for evidence in chapters for path in evidence.mails],
        "kcidb": [str(path) for evidence in chapters for path in evidence.submissions],
        "seconds": seconds,
    }


def _revision(evidence: Evidence) -> dict[str, Any]:
    build = evidence.node(evidence.submission.build_id)
    return {
        "describe": evidence.submission.revision.describe,
        "checkout_id": evidence.submission.checkout_id,
        "build": {"id": build.id, "result": build.result},
        "jobs": [
            {
                "id": job.id,
                "name": job.name,
                "result": job.result,
                "error_code": job.data.error_code,
                "attempt": job.retry_counter + 1,
            }
            for job in evidence.jobs()
        ],
        "tests": [
            {"path": "/".join(test.path), "result": test.result}
            for test in evidence.tests()
        ],
        "findings": [
            {"kind": found.kind, "headline": found.headline, "line": found.line}
            for found in evidence.findings()
        ],
        "regressions": [
            {
                "id": regression.id,
                "pass_node": regression.data.pass_node,
                "fail_node": regression.data.fail_node,
            }
            for regression in evidence.regressions
        ],
    }


def write(summary: dict[str, Any], path: Path) -> None:
    """Write `summary.json`; whoever reads it sees the old or the new one."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(summary, indent=2) + "\n")
    part.replace(path)


def show(console: Console, site: Site, chapters: list[Evidence]) -> None:
    """Print each revision's tree with its results, and where to look."""
    for evidence in chapters:
        console.print(_tree(evidence))
    table = Table(title="Where to look", title_justify="left", box=None)
    table.add_column("what", style="bold", no_wrap=True)
    table.add_column("where", overflow="fold")
    for evidence in chapters:
        for path, mail in evidence.mails.items():
            table.add_row(f"mail: {escape(str(mail['Subject']))}", str(path))
    for evidence in chapters:
        for path in evidence.submissions[-1:]:
            describe = evidence.submission.revision.describe
            table.add_row(f"KCIDB: last of {describe}", str(path))
    table.add_row("nodes", f"{site.url('api')}/latest/nodes?sort=-created")
    table.add_row("API", f"{site.url('api')}/docs")
    console.print(table)


def _tree(evidence: Evidence) -> Tree:
    root = evidence.node(evidence.submission.checkout_id)
    revision = evidence.submission.revision
    tree = Tree(f"[bold]{revision.tree}/{revision.branch}[/] {revision.describe}")
    _grow(tree, root, evidence)
    for regression in evidence.regressions:
        good = regression.data.passed_kernel_revision
        since = good.short if good else "?"
        path = "/".join(regression.path)
        tree.add(f"[red]regression[/] {escape(path)}, last good {since}")
    return tree


def _grow(branch: Tree, node: Node, evidence: Evidence) -> None:
    grown = branch.add(_leaf(node))
    for child in evidence.nodes:
        if child.parent == node.id:
            _grow(grown, child, evidence)


def _leaf(node: Node) -> str:
    result = node.result or Result.INCOMPLETE
    reason = f"  [dim]{escape(node.data.error_msg)}[/]" if node.data.error_msg else ""
    return f"{escape(node.name)} [{COLOURS[result]}]{result}[/]{reason}"
