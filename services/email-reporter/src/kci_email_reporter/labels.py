# SPDX-License-Identifier: LGPL-2.1-or-later
"""How mails name nodes: report type, test name, setup, branch, and what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from kci_email_reporter.text import inline
from kci_shared.models import Finding, Job, Kbuild, Node, Revision
from kci_shared.rules.verdicts import fault_of


class ReportType(StrEnum):
    """What a mail reports on."""

    BUILD = "build"
    BOOT = "boot"
    TEST = "test"


@dataclass(frozen=True)
class Setup:
    """How a kernel was built and where it ran; unknown values are empty."""

    arch: str
    config: str
    compiler: str
    platform: str
    lab: str

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> Self:
        """Collect each value from the first node that has it."""

        def first(*fields: str) -> str:
            values = (
                getattr(node.data, field, None) for node in nodes for field in fields
            )
            return inline(next((value for value in values if value), ""))

        return cls(
            arch=first("arch"),
            config=first("config_full", "defconfig"),
            compiler=first("compiler"),
            platform=first("platform"),
            lab=first("runtime"),
        )

    @property
    def build(self) -> str:
        """How the kernel was built, such as `arm64, defconfig, gcc-14`."""
        return ", ".join(filter(None, (self.arch, self.config, self.compiler)))


def report_type(node: Node) -> ReportType:
    """Return whether a node is a build, a boot, or a test."""
    if isinstance(node, Kbuild):
        return ReportType.BUILD
    if isinstance(node, Job) and not (node.data.definition or {}).get("tests"):
        return ReportType.BOOT
    return ReportType.TEST


def test_name(lineage: Sequence[Node]) -> str:
    """Return a test's path from its job on, such as `smoke.proc-mounted`."""
    depth = next((len(node.path) for node in lineage if isinstance(node, Job)), 1)
    return inline(".".join(lineage[0].path[depth - 1 :]) or lineage[0].name)


def first_fault(lineage: Sequence[Node]) -> Finding | None:
    """Return the first fault in the log of the nearest job or build."""
    run = next((node for node in lineage if isinstance(node, Kbuild | Job)), None)
    return None if run is None else fault_of(run)


def headline(lineage: Sequence[Node]) -> str:
    """Return what went wrong: the log's fault, or else the node's error message."""
    fault = first_fault(lineage)
    message = fault.headline if fault else lineage[0].data.error_msg
    return inline(message).removeprefix("Kernel panic - not syncing: ")


def branch_name(revision: Revision) -> str:
    """Return tree and branch, such as `mainline/master`."""
    return f"{inline(revision.tree)}/{inline(revision.branch)}"


def revision_headers(revision: Revision) -> dict[str, str]:
    """Return the headers by which readers filter mails by kernel revision."""
    return {
        "Tree": revision.tree,
        "Branch": revision.branch,
        "Kernel": revision.describe or "",
        "Commit": revision.commit,
    }
