# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of the demo: a table for people, and the same as JSON for programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from kci_demo.evidence import Evidence
from kci_demo.timeline import COLOURS
from kci_local.site import Site
from kci_shared.models import Job, Node, Result


def as_json(chapters: list[Evidence], seconds: dict[str, float]) -> dict[str, Any]:
    """Return what came of each revision, in the form of `summary.json`."""
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
        "jobs": [_job(job) for job in evidence.jobs()],
        "tests": [
            {"path": "/".join(test.path), "result": test.result}
            for test in evidence.tests()
        ],
        "findings": [
            finding.model_dump(include={"kind", "headline", "line"})
            for finding in evidence.findings()
        ],
        "regressions": [
            {"id": one.id, **one.data.model_dump(include={"pass_node", "fail_node"})}
            for one in evidence.regressions
        ],
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "result": job.result,
        "error_code": job.data.error_code,
        "attempt": job.retry_counter + 1,
    }


def write(summary: dict[str, Any], path: Path) -> None:
    """Write `summary.json`; a reader sees the old file or the new one."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(summary, indent=2) + "\n")
    part.replace(path)


def show(console: Console, site: Site, chapters: list[Evidence]) -> None:
    """Print each revision's tree with its results, and where to look."""
    for evidence in chapters:
        console.print(_tree(evidence))
    console.print("[bold]Where to look[/]")
    for what, where in _places(site, chapters):
        console.print(f"  {escape(what)}\n    [cyan]{escape(where)}[/]", soft_wrap=True)


def _places(site: Site, chapters: list[Evidence]) -> Iterator[tuple[str, str]]:
    for evidence in chapters:
        for path, mail in evidence.mails.items():
            yield f"mail: {' '.join(str(mail['Subject']).split())}", str(path)
    for evidence in chapters:
        for path in evidence.submissions[-1:]:
            describe = evidence.submission.revision.describe
            count = len(evidence.submissions)
            yield f"KCIDB: the last of {count} submissions of {describe}", str(path)
    yield "the newest nodes", f"{site.url('api')}/latest/nodes?sort=-created"
    yield "the API's description", f"{site.url('api')}/docs"


def _tree(evidence: Evidence) -> Tree:
    root = evidence.node(evidence.submission.checkout_id)
    revision = evidence.submission.revision
    tree = Tree(f"\n[bold]{revision.tree}/{revision.branch}[/] {revision.describe}")
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
