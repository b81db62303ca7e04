# SPDX-License-Identifier: LGPL-2.1-or-later
"""What nodes are called in a mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from kci_email_reporter.text import word
from kci_shared.models import Finding, Job, Kbuild, Node, Revision

SUBJECT = 110
"""Columns of a subject."""


@dataclass(frozen=True)
class Setup:
    """What a kernel was built with and ran on; what is not known is empty."""

    arch: str
    config: str
    compiler: str
    platform: str
    lab: str

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> Self:
        """Collect what the nodes say, the first one first."""

        def said(*names: str) -> str:
            values = (
                getattr(node.data, name, None) for node in nodes for name in names
            )
            return word(next((value for value in values if value), ""))

        return cls(
            arch=said("arch"),
            config=said("config_full", "defconfig"),
            compiler=said("compiler"),
            platform=said("platform"),
            lab=said("runtime"),
        )

    @property
    def build(self) -> str:
        """Say how the kernel was built, such as `arm64, defconfig, gcc-14`."""
        return ", ".join(filter(None, (self.arch, self.config, self.compiler)))


def report_type(node: Node) -> str:
    """Say which of `build`, `boot` and `test` a node is."""
    if isinstance(node, Kbuild):
        return "build"
    if isinstance(node, Job) and not (node.data.definition or {}).get("tests"):
        return "boot"
    return "test"


def test_name(lineage: Sequence[Node]) -> str:
    """Name a node by its path from its job on, such as `smoke.proc-mounted`."""
    depth = next((len(n.path) for n in lineage if isinstance(n, Job)), 1)
    return word(".".join(lineage[0].path[depth - 1 :]) or lineage[0].name)


def fault(nodes: Sequence[Node]) -> Finding | None:
    """Return the first fault that the log of a build or a run shows."""
    for node in nodes:
        if isinstance(node, Kbuild | Job):
            findings = node.data.findings or []
            return next((one for one in findings if one.severity == "fault"), None)
    return None


def headline(nodes: Sequence[Node]) -> str:
    """Say what went wrong, in the log's words, else in those of the lab."""
    found = fault(nodes)
    said = found.headline if found else nodes[0].data.error_msg
    return word(said).removeprefix("Kernel panic - not syncing: ")


def branch_name(revision: Revision) -> str:
    """Name a branch together with its tree."""
    return f"{word(revision.tree)}/{word(revision.branch)}"


def revision_headers(revision: Revision) -> dict[str, str]:
    """Say which kernel a mail is about, for those who filter their mails."""
    return {
        "Tree": revision.tree,
        "Branch": revision.branch,
        "Kernel": revision.describe or "",
        "Commit": revision.commit,
    }
