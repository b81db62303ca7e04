# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of a regression as a mail: an answer to the one that told of it."""

from kci_email_reporter.labels import Setup, branch_name, report_type, test_name
from kci_email_reporter.mail import Letterhead, Mail, dedup_key, message_id, token
from kci_email_reporter.regression_mail import Case, first_key, headers, subject
from kci_email_reporter.render import render
from kci_email_reporter.text import word
from kci_shared.models import Node, Regression, Status


def fixed_key(node: Regression) -> str:
    """Name the mail that tells of this end of a regression; it may have several."""
    ends = sum(entry.new is Status.FIXED for entry in node.data.history)
    return dedup_key("regression", node.id, "fixed", str(max(ends, 1)))


def fixed_mail(case: Case, fixed: Node, head: Letterhead) -> Mail:
    """Write the mail that tells that a regression is over."""
    node = case.regression
    key = fixed_key(node)
    report_id = token("r", node.id)
    setup = Setup.of([node, *case.failed])
    return Mail(
        key=key,
        message_id=message_id("reg", key, head.domain),
        report_id=report_id,
        letterhead=head,
        date=node.updated,
        subject=f"Re: {head.subject_prefix}{subject(case, setup)}",
        about={**headers(case, setup, "fixed"), "Report-Id": report_id},
        body=render(
            "fixed.txt.j2",
            verdict=_verdict(case, setup),
            sides=_sides(case, fixed),
            fix=node.data.fix or "",
            link=head.link(node.id),
            contact=head.contact,
        ),
        thread=message_id("reg", first_key(node), head.domain),
    )


def _verdict(case: Case, setup: Setup) -> str:
    built = f" ({setup.build})" if setup.build else ""
    branch = branch_name(case.bad)
    match report_type(case.failed[0]):
        case "build":
            return f"{branch} builds again{built}."
        case "boot":
            return f"{setup.platform}{built} boots again on {branch}."
        case _:
            name = test_name(case.failed)
            return f"{name} passes again on {setup.platform}{built}, {branch}."


def _sides(case: Case, fixed: Node) -> list[str]:
    revision = fixed.data.kernel_revision
    assert revision is not None, "the API copies the revision to every node"
    rows = (
        ("First bad: ", case.bad.short, case.failed[0]),
        ("Good again:", revision.short, fixed),
    )
    width = max(len(word(short)) for _, short, _ in rows)
    return [
        f"{label} {word(short):<{width}}  {node.created:%Y-%m-%d}"
        for label, short, node in rows
    ]
