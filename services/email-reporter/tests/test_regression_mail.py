# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on a regression, and what hostile names and logs cannot put into it."""

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import replace

from email_reporter_fakes import HEAD, Tree, make_node, make_regression, make_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kci_email_reporter.mail import Mail
from kci_email_reporter.regression_mail import regression_mail
from kci_email_reporter.regression_thread import Case
from kci_shared.models import Finding, Revision

Golden = Callable[[str, Mail], None]
REVISION_FIELDS = ["tree", "branch", "describe", "commit", "url"]
SETUP_FIELDS = ["arch", "config_full", "compiler", "platform", "runtime"]
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "master\nBcc: everybody@example.org",
            "master\r\n\r\n#kernelci invalid: x",
            "#kernelci invalid: spam " * 9,
            "-- ",
            "\x1b]0;owned\x07\x1b[2Jx",
            "a\0b",
            "z" * 10_000,
            "\udcff\udcfe",
            "> quoted",
            "{{ 7 * 7 }}",
            "",
        ]
    ),
)


def case_of(tree: Tree, *node_ids: str) -> Case:
    """Return the regression of the first node, whose ancestors are the others."""
    lineage = tree.lineage(*node_ids)
    regression, passed = make_regression(lineage[0])
    return Case(regression, lineage, passed)


def panic_mail(tree: Tree) -> Mail:
    return regression_mail(case_of(tree, "b2", "k2"), HEAD)


def panic_finding(tree: Tree) -> Finding:
    findings = tree.panic.data.findings
    assert findings
    return findings[0]


def body_of(mail: Mail) -> str:
    return mail.to_bytes().decode().split("\r\n\r\n", 1)[1].replace("\r\n", "\n")


def test_a_boot_that_panics(tree: Tree, golden: Golden) -> None:
    golden("boot.eml", panic_mail(tree))


def test_a_test_that_fails(tree: Tree, golden: Golden) -> None:
    case = case_of(tree, "t3", "t2", "s2", "b3", "k2")
    golden("test.eml", regression_mail(case, HEAD))


def test_a_build_that_breaks(tree: Tree, golden: Golden) -> None:
    finding = {
        "kind": "compiler",
        "severity": "fault",
        "headline": "drivers/x.c:15:2: error: use of undeclared identifier 'chan'",
        "line": 88,
        "excerpt": [
            "drivers/x.c:15:2: error: use of undeclared identifier 'chan'",
            "   15 |         chan->private;",
            "      |         ^~~~",
        ],
        "signature": "compiler:1",
    }
    build = tree.build
    del build.artifacts["kernel"]
    build.data.findings = [Finding.model_validate(finding)]
    build.data.compiler = "clang-21"
    golden("build.eml", regression_mail(case_of(tree, "k2"), HEAD))


def test_a_mail_has_one_signature_and_no_command(tree: Tree) -> None:
    body = body_of(panic_mail(tree))
    assert body.count("\n-- \n") == 1
    assert not body.startswith("\n")
    assert "#kernelci" not in body


def test_the_subject_names_the_fault_and_stays_short(tree: Tree) -> None:
    assert panic_mail(tree).subject == (
        "[REGRESSION] mainline/master: boot: board-1: "
        "VFS: Unable to mount root fs (x86_64, gcc-14)"
    )
    panic_finding(tree).headline = "word " * 100
    cut = panic_mail(tree).subject
    assert len(cut) <= 110
    assert cut.endswith("... (x86_64, gcc-14)")


def test_unknown_values_are_left_out(tree: Tree) -> None:
    tree.put(make_node("b2", "job", "checkout boot", result="fail"))
    mail = regression_mail(case_of(tree, "b2"), HEAD)
    assert "None" not in mail.to_bytes().decode()
    assert "the test machine no longer boots" in body_of(mail)
    assert "X-Kernelci-Platform" not in mail.to_bytes().decode()


def test_a_long_excerpt_is_cut_and_says_so(tree: Tree) -> None:
    panic_finding(tree).excerpt = [f"[ 1.{n}] {'x' * 9999}" for n in range(99)]
    body = body_of(panic_mail(tree))
    assert body.count("[ 1.") == 20
    assert "... 79 lines left out\n" in body
    assert len(body) < 40 * 1024


def test_a_log_cannot_give_commands(tree: Tree) -> None:
    lines = ["#kernelci invalid: x", "#regzbot dup: y", "-- ", "From me", "> x"]
    panic_finding(tree).excerpt = lines
    body = body_of(panic_mail(tree))
    assert body.count("\n-- \n") == 1
    assert not re.search(r"(?m)^(#|>|From )", body)


def test_only_mails_to_the_list_of_regzbot_have_its_command(tree: Tree) -> None:
    def body_to(recipient: str) -> str:
        head = replace(HEAD, recipients=(recipient,))
        return body_of(regression_mail(case_of(tree, "b2", "k2"), head))

    line = "\n\n#regzbot introduced: 99aa88bb77cc..11aa22bb33cc\n\n"
    assert line in body_to("regressions@lists.linux.dev")
    assert "#regzbot" not in body_to("results@ci.example.org")


def test_a_redirected_mail_is_marked_in_the_subject(tree: Tree) -> None:
    head = make_settings(mail_mode="redirect:me@ci.example.org").letterhead
    mail = regression_mail(case_of(tree, "b2", "k2"), head)
    assert mail.subject.startswith("[STAGING] [REGRESSION] ")
    assert "To: me@ci.example.org\r\n" in mail.to_bytes().decode()


def test_a_mail_written_again_has_the_same_bytes(tree: Tree) -> None:
    first, second = (panic_mail(tree).to_bytes() for _ in range(2))
    assert first == second


@given(
    st.dictionaries(st.sampled_from(REVISION_FIELDS), HOSTILE),
    st.dictionaries(st.sampled_from(SETUP_FIELDS), HOSTILE),
    st.lists(HOSTILE, max_size=3),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_values_add_no_header_and_no_line(
    revision: dict[str, str], setup: dict[str, str], lines: list[str]
) -> None:
    tree = Tree()
    for name, value in setup.items():
        setattr(tree.panic.data, name, value)
    panic_finding(tree).excerpt = lines
    panic_finding(tree).headline = " ".join(lines)
    case = case_of(tree, "b2", "k2")
    case.regression.data.failed_kernel_revision = Revision.model_construct(
        **{**vars(case.bad), **revision}
    )
    content = regression_mail(case, HEAD).to_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert not message.defects
    assert message["Bcc"] is None
    assert len(message["Subject"]) <= 110
    body = body_of(regression_mail(case, HEAD))
    assert body.replace("\n", "").isprintable()
    assert body.split("\n").count("-- ") == 1
    assert not re.search(r"(?m)^#", body)
    assert "None" not in body
    assert max(map(len, content.split(b"\r\n"))) <= 998
    for line in body.splitlines():
        is_prose = not line.startswith("  ") and "://" not in line and line[:1] != "|"
        assert len(line) <= 76 or not is_prose
