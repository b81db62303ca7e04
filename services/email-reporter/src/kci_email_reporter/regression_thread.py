# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the mails on a regression share: its nodes, their subject and headers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from kci_email_reporter.labels import (
    ReportType,
    Setup,
    branch_name,
    headline,
    report_type,
    revision_headers,
    test_name,
)
from kci_email_reporter.mail import SUBJECT_COLUMNS, dedup_key
from kci_email_reporter.text import clip, inline
from kci_shared.models import Node, Regression, Revision

SOURCE_POSITION = re.compile(r":\d+(:\d+)?: (fatal )?error:")
"""Line and column of a compiler error: too long for a subject."""
HEADLINE_MIN_COLUMNS = 20


@dataclass(frozen=True)
class Case:
    """A regression with the nodes that its mails describe."""

    regression: Regression
    failed: Sequence[Node]
    """The failed node, then its ancestors up to the build."""
    passed: Node

    @property
    def node(self) -> Node:
        """The failed node."""
        return self.failed[0]

    @property
    def type(self) -> ReportType:
        """Whether a build, a boot or a test fails."""
        return report_type(self.node)

    @property
    def setup(self) -> Setup:
        """How the failing kernel was built, and where it ran."""
        return Setup.of([self.regression, *self.failed])

    @property
    def bad(self) -> Revision:
        """The revision that fails."""
        return self.regression.data.failed_kernel_revision or revision_of(self.node)

    @property
    def good(self) -> Revision:
        """The last revision that passed."""
        return self.regression.data.passed_kernel_revision or revision_of(self.passed)


def revision_of(node: Node) -> Revision:
    """Return the revision of a node below a checkout."""
    revision = node.data.kernel_revision
    assert revision is not None, "the API copies the revision to every node"
    return revision


def first_mail_key(regression: Regression) -> str:
    """Return the key of the mail that starts a regression's thread."""
    return dedup_key("regression", regression.id, "new", "1")


def subject(case: Case) -> str:
    """Return the subject, which all mails of the thread share."""
    setup = case.setup
    match case.type:
        case ReportType.BUILD:
            parts = [branch_name(case.bad), case.type]
        case ReportType.BOOT:
            parts = [branch_name(case.bad), case.type, setup.platform]
        case ReportType.TEST:
            name = test_name(case.failed)
            parts = [branch_name(case.bad), case.type, setup.platform, name]
        case _:
            assert_never(case.type)
    start = f"[REGRESSION] {': '.join(filter(None, parts))}"
    build = ", ".join(filter(None, (setup.arch, setup.compiler)))
    end = f" ({build})" if build else ""
    problem = SOURCE_POSITION.sub(":", headline(case.failed)) or "fails"
    room = max(SUBJECT_COLUMNS - len(start) - len(end) - 2, HEADLINE_MIN_COLUMNS)
    return clip(f"{start}: {clip(problem, room)}{end}", SUBJECT_COLUMNS)


def headers(case: Case, state: str) -> dict[str, str]:
    """Return the headers by which readers filter mails on regressions."""
    setup = case.setup
    is_build = case.type is ReportType.BUILD
    return {
        "Report-Type": case.type,
        **revision_headers(case.bad),
        "Arch": setup.arch,
        "Config": setup.config,
        "Compiler": setup.compiler,
        "Platform": setup.platform,
        "Lab-Name": setup.lab,
        "Test-Path": "" if is_build else test_name(case.failed),
        "Regression-Id": case.regression.id,
        "Regression-State": state,
    }


def revision_rows(*rows: tuple[str, Revision, Node]) -> list[str]:
    """Return an aligned row for each label, revision, and node that ran on it."""
    width = max(len(inline(revision.short)) for _, revision, _ in rows)
    return [
        f"{label:<11} {inline(revision.short):<{width}}  {node.created:%Y-%m-%d}"
        for label, revision, node in rows
    ]
