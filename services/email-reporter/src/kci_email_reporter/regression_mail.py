# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on a new regression: what broke, since which revision, and the log."""

import re
import shlex
from typing import Any, assert_never

from kci_email_reporter.labels import ReportType, branch_name, first_fault, test_name
from kci_email_reporter.mail import Letterhead, Mail, message_id, short_id
from kci_email_reporter.regression_thread import (
    Case,
    first_mail_key,
    headers,
    revision_rows,
    subject,
)
from kci_email_reporter.template_engine import render
from kci_email_reporter.text import inline, log_line
from kci_shared.models import Job, Kbuild
from kci_shared.rules.artifacts import CONFIG, KERNEL, log_url

EXCERPT_LINES = 20
COMMIT = re.compile(r"[0-9a-f]{12,64}")
ARTIFACT_LABELS = {
    KERNEL: "Kernel",
    CONFIG: "Config",
    "modules": "Modules",
    "dtb": "DTB",
    "ramdisk": "Ramdisk",
    "rootfs": "Rootfs",
}
"""A build's artifacts that a mail links to, and their labels."""
REGZBOT_LIST = "regressions@lists.linux.dev"
REGZBOT_TREES = {"mainline", "next", "stable", "stable-rc"}


def regression_mail(case: Case, head: Letterhead) -> Mail:
    """Return the mail that reports a new regression."""
    regression = case.regression
    key = first_mail_key(regression)
    mail_id = message_id("reg", key, head.domain)
    report_id = short_id("r", regression.id)
    return Mail(
        key=key,
        message_id=mail_id,
        report_id=report_id,
        letterhead=head,
        date=regression.created,
        subject=head.subject_prefix + subject(case),
        filter_headers={**headers(case, "new"), "Report-Id": report_id},
        body=render(
            "regression.txt.j2",
            link=head.link(regression.id),
            contact=head.contact,
            reporter=f"{head.name} <{head.reply_address(report_id)}>",
            message_id=mail_id.strip("<>"),
            regzbot=_range(case) if _is_for_regzbot(case, head) else "",
            **_findings(case),
        ),
    )


def _findings(case: Case) -> dict[str, Any]:
    return {
        "verdict": _verdict(case),
        "revisions": revision_rows(
            ("First bad:", case.bad, case.node),
            ("Last good:", case.good, case.passed),
        ),
        "range": _range(case),
        **_excerpt(case),
        "artifacts": _artifacts(case),
        "reproduce": _reproduce(case),
    }


def _verdict(case: Case) -> str:
    since = f"since {inline(case.bad.short)}"
    branch = branch_name(case.bad)
    built = f" ({case.setup.build})" if case.setup.build else ""
    where = case.setup.platform or "the test machine"
    match case.type:
        case ReportType.BUILD:
            return f"{branch} no longer builds {since}{built}."
        case ReportType.BOOT:
            return f"{where}{built} no longer boots {since} on {branch}."
        case ReportType.TEST:
            name = test_name(case.failed)
            return f"{name} fails on {where}{built} {since} on {branch}."
        case _:
            assert_never(case.type)


def _range(case: Case) -> str:
    """Return the range of suspected commits; empty if one of its ends is no SHA."""
    good, bad = case.good.commit, case.bad.commit
    if not (COMMIT.fullmatch(good) and COMMIT.fullmatch(bad)):
        return ""
    return f"{good[:12]}..{bad[:12]}"


def _excerpt(case: Case) -> dict[str, Any]:
    """Return the log at its first fault, or else the node's error message."""
    fault = first_fault(case.failed)
    lines = (
        fault.excerpt or [fault.headline]
        if fault
        else (case.node.data.error_msg or "").splitlines()
    )
    return {
        "excerpt": [log_line(line) for line in lines[:EXCERPT_LINES]],
        "left_out": max(len(lines) - EXCERPT_LINES, 0),
    }


def _artifacts(case: Case) -> list[tuple[str, str]]:
    """Return label and URL of the log, and of the build's artifacts."""
    links = []
    run = next((node for node in case.failed if isinstance(node, Job | Kbuild)), None)
    if run is not None and (url := log_url(run)):
        fault = first_fault(case.failed)
        links.append(("Full log", f"{url}#L{fault.line}" if fault else url))
    build = next((node for node in case.failed if isinstance(node, Kbuild)), None)
    urls = build.artifacts if build else {}
    labels = ARTIFACT_LABELS.items()
    return links + [(label, urls[name]) for name, label in labels if name in urls]


def _reproduce(case: Case) -> list[str]:
    """Return commands that repeat a failed build, given nothing but its config."""
    if not isinstance(case.node, Kbuild) or CONFIG not in case.node.artifacts:
        return []
    setup = case.setup
    clang = "LLVM=1 " if setup.compiler.startswith("clang") else ""
    arch = f"ARCH={shlex.quote(setup.arch)} " if setup.arch else ""
    return [
        shlex.join(["git", "fetch", case.bad.url, case.bad.commit]),
        "git checkout FETCH_HEAD",
        shlex.join(["curl", "-o", ".config", case.node.artifacts[CONFIG]]),
        f"make {clang}{arch}olddefconfig all",
    ]


def _is_for_regzbot(case: Case, head: Letterhead) -> bool:
    """Return whether regzbot may track the regression: only its own list and trees."""
    return REGZBOT_LIST in head.recipients and case.bad.tree in REGZBOT_TREES
