# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on a fixed regression: a reply to the mail that reported it."""

from typing import assert_never

from kci_email_reporter.labels import ReportType, branch_name, test_name
from kci_email_reporter.mail import Letterhead, Mail, dedup_key, message_id, short_id
from kci_email_reporter.regression_thread import (
    Case,
    first_mail_key,
    headers,
    revision_of,
    revision_rows,
    subject,
)
from kci_email_reporter.template_engine import render
from kci_shared.models import Node, Regression, Status


def fixed_mail_key(regression: Regression) -> str:
    """Return the key of the mail on this fix; a regression may be fixed repeatedly."""
    fixes = sum(entry.new is Status.FIXED for entry in regression.data.history)
    return dedup_key("regression", regression.id, "fixed", str(max(fixes, 1)))


def fixed_mail(case: Case, fixed: Node, head: Letterhead) -> Mail:
    """Return the mail that says that a regression is fixed."""
    regression = case.regression
    key = fixed_mail_key(regression)
    report_id = short_id("r", regression.id)
    return Mail(
        key=key,
        message_id=message_id("reg", key, head.domain),
        report_id=report_id,
        letterhead=head,
        date=regression.updated,
        subject=f"Re: {head.subject_prefix}{subject(case)}",
        filter_headers={**headers(case, "fixed"), "Report-Id": report_id},
        body=render(
            "fixed.txt.j2",
            verdict=_verdict(case),
            revisions=revision_rows(
                ("First bad:", case.bad, case.node),
                ("Good again:", revision_of(fixed), fixed),
            ),
            fix=regression.data.fix or "",
            link=head.link(regression.id),
            contact=head.contact,
        ),
        in_reply_to=message_id("reg", first_mail_key(regression), head.domain),
    )


def _verdict(case: Case) -> str:
    setup = case.setup
    built = f" ({setup.build})" if setup.build else ""
    branch = branch_name(case.bad)
    match case.type:
        case ReportType.BUILD:
            return f"{branch} builds again{built}."
        case ReportType.BOOT:
            return f"{setup.platform}{built} boots again on {branch}."
        case ReportType.TEST:
            name = test_name(case.failed)
            return f"{name} passes again on {setup.platform}{built}, {branch}."
        case _:
            assert_never(case.type)
