# SPDX-License-Identifier: LGPL-2.1-or-later
"""A regression as a mail: what broke, since when, and what the log says."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kci_email_reporter.labels import (
    SUBJECT,
    Setup,
    branch_name,
    fault,
    headline,
    report_type,
    revision_headers,
    test_name,
)
from kci_email_reporter.mail import Letterhead, Mail, dedup_key, message_id, token
from kci_email_reporter.render import render
from kci_email_reporter.text import clip, log_line, word
from kci_shared.models import Job, Kbuild, Node, Regression, Revision
from kci_shared.rules.artifacts import log_url

EXCERPT = 20
"""How many lines of a log a mail quotes."""
PLACE = re.compile(r":\d+(:\d+)?: (fatal )?error:")
"""Where in a file a compiler found an error: too long for a subject."""
COMMIT = re.compile(r"[0-9a-f]{12,64}")
ARTIFACTS = {
    "kernel": "Kernel",
    "_config": "Config",
    "modules": "Modules",
    "dtb": "DTB",
    "ramdisk": "Ramdisk",
    "rootfs": "Rootfs",
}
"""Which artifacts of a build a reader wants, and their names in a mail."""
REGZBOT_LIST = "regressions@lists.linux.dev"
REGZBOT_TREES = {"mainline", "next", "stable", "stable-rc"}


@dataclass(frozen=True)
class Case:
    """A regression with all that its mail says."""

    regression: Regression
    failed: Sequence[Node]
    """The failed node, then what it ran on: its parents up to the build."""
    passed: Node

    @property
    def bad(self) -> Revision:
        """The revision that fails."""
        return _revision(self.regression.data.failed_kernel_revision, self.failed[0])

    @property
    def good(self) -> Revision:
        """The last revision that passed."""
        return _revision(self.regression.data.passed_kernel_revision, self.passed)


def regression_mail(case: Case, head: Letterhead) -> Mail:
    """Write the mail that tells of a new regression."""
    node = case.regression
    key = first_key(node)
    mail_id = message_id("reg", key, head.domain)
    report_id = token("r", node.id)
    setup = Setup.of([node, *case.failed])
    tags = {
        "reporter": f"{head.name} <{head.tagged(report_id)}>",
        "message_id": mail_id.strip("<>"),
        "regzbot": _range(case) if _is_for_regzbot(case, head) else "",
    }
    return Mail(
        key=key,
        message_id=mail_id,
        report_id=report_id,
        letterhead=head,
        date=node.created,
        subject=head.subject_prefix + subject(case, setup),
        about={**headers(case, setup, "new"), "Report-Id": report_id},
        body=render(
            "regression.txt.j2",
            link=head.link(node.id),
            contact=head.contact,
            **_facts(case, setup),
            **tags,
        ),
    )


def first_key(node: Regression) -> str:
    """Name the mail that begins the thread of a regression."""
    return dedup_key("regression", node.id, "new", "1")


def headers(case: Case, setup: Setup, state: str) -> dict[str, str]:
    """Say what a regression is about, for those who filter their mails."""
    return {
        "Report-Type": report_type(case.failed[0]),
        **revision_headers(case.bad),
        "Arch": setup.arch,
        "Config": setup.config,
        "Compiler": setup.compiler,
        "Platform": setup.platform,
        "Lab-Name": setup.lab,
        "Test-Path": _test_path(case),
        "Regression-Id": case.regression.id,
        "Regression-State": state,
    }


def _facts(case: Case, setup: Setup) -> dict[str, Any]:
    return {
        "verdict": _verdict(case, setup),
        "sides": _sides(case),
        "range": _range(case),
        **_excerpt(case),
        "artifacts": _artifacts(case),
        "reproduce": _reproduce(case, setup),
    }


def _revision(told: Revision | None, node: Node) -> Revision:
    revision = told or node.data.kernel_revision
    assert revision is not None, "the API copies the revision to every node"
    return revision


def _sides(case: Case) -> list[str]:
    bad, good = word(case.bad.short), word(case.good.short)
    width = max(len(bad), len(good))
    return [
        f"First bad:  {bad:<{width}}  {case.failed[0].created:%Y-%m-%d}",
        f"Last good:  {good:<{width}}  {case.passed.created:%Y-%m-%d}",
    ]


def _test_path(case: Case) -> str:
    return "" if isinstance(case.failed[0], Kbuild) else test_name(case.failed)


def subject(case: Case, setup: Setup) -> str:
    """Say in one line what broke where; the same in each mail of the thread."""
    kind = report_type(case.failed[0])
    where = [setup.platform] if kind != "build" else []
    where += [test_name(case.failed)] if kind == "test" else []
    start = ": ".join(filter(None, [branch_name(case.bad), kind, *where]))
    start = f"[REGRESSION] {start}"
    build = ", ".join(filter(None, (setup.arch, setup.compiler)))
    end = f" ({build})" if build else ""
    what = PLACE.sub(":", headline(case.failed)) or "fails"
    room = max(SUBJECT - len(start) - len(end) - 2, 20)
    return clip(f"{start}: {clip(what, room)}{end}", SUBJECT)


def _verdict(case: Case, setup: Setup) -> str:
    since = f"since {word(case.bad.short)}"
    branch = branch_name(case.bad)
    built = f" ({setup.build})" if setup.build else ""
    where = setup.platform or "the test machine"
    match report_type(case.failed[0]):
        case "build":
            return f"{branch} no longer builds {since}{built}."
        case "boot":
            return f"{where}{built} no longer boots {since} on {branch}."
        case _:
            name = test_name(case.failed)
            return f"{name} fails on {where}{built} {since} on {branch}."


def _range(case: Case) -> str:
    good, bad = case.good.commit, case.bad.commit
    if not (COMMIT.fullmatch(good) and COMMIT.fullmatch(bad)):
        return ""
    return f"{good[:12]}..{bad[:12]}"


def _excerpt(case: Case) -> dict[str, Any]:
    """Quote the log at its fault, else the lab's own words."""
    found = fault(case.failed)
    said = case.failed[0].data.error_msg
    lines = (found.excerpt or [found.headline]) if found else (said or "").splitlines()
    return {
        "excerpt": [log_line(line) for line in lines[:EXCERPT]],
        "left_out": max(len(lines) - EXCERPT, 0),
    }


def _artifacts(case: Case) -> list[tuple[str, str]]:
    found = []
    run = next((n for n in case.failed if isinstance(n, Job | Kbuild)), None)
    if run is not None and (url := log_url(run)):
        first = fault(case.failed)
        found.append(("Full log", f"{url}#L{first.line}" if first else url))
    build = next((n for n in case.failed if isinstance(n, Kbuild)), None)
    stored = build.artifacts if build else {}
    return found + [(ARTIFACTS[n], stored[n]) for n in ARTIFACTS if n in stored]


def _reproduce(case: Case, setup: Setup) -> list[str]:
    """Tell how to see a broken build again with nothing of ours but its config."""
    failed = case.failed[0]
    if not isinstance(failed, Kbuild) or "_config" not in failed.artifacts:
        return []
    clang = "LLVM=1 " if setup.compiler.startswith("clang") else ""
    arch = f"ARCH={shlex.quote(setup.arch)} " if setup.arch else ""
    return [
        shlex.join(["git", "fetch", case.bad.url, case.bad.commit]),
        "git checkout FETCH_HEAD",
        shlex.join(["curl", "-o", ".config", failed.artifacts["_config"]]),
        f"make {clang}{arch}olddefconfig all",
    ]


def _is_for_regzbot(case: Case, head: Letterhead) -> bool:
    """Say whether regzbot may act on the mail: it does what such a line says."""
    return REGZBOT_LIST in head.recipients and case.bad.tree in REGZBOT_TREES
