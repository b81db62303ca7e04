# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a regression's mail says, and what nobody can make it say."""

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kci_email_reporter.mail import Mail
from kci_email_reporter.regression_mail import Case, regression_mail
from kci_shared.models import Node, Revision

NAMES = ["tree", "branch", "describe", "commit", "url"]
WORDS = ["arch", "config_full", "compiler", "platform", "runtime"]
TRICKS = st.one_of(
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


@pytest.fixture(scope="session")
def case_of(scene: Any) -> Callable[..., Case]:
    def make(*ids: str, nodes: dict[str, Node] | None = None) -> Case:
        nodes = nodes or scene.tree()
        line = [nodes[node_id] for node_id in ids]
        regression, passed = scene.regression(line[0])
        return Case(regression, line, passed)

    return make


def body_of(mail: Mail) -> str:
    return mail.to_bytes().decode().split("\r\n\r\n", 1)[1].replace("\r\n", "\n")


def test_a_boot_that_panics(scene: Any, case_of: Any, golden: Any) -> None:
    golden("boot.eml", regression_mail(case_of("b2", "k2"), scene.head))


def test_a_test_that_fails(scene: Any, case_of: Any, golden: Any) -> None:
    case = case_of("t3", "t2", "s2", "b3", "k2")
    golden("test.eml", regression_mail(case, scene.head))


def test_a_build_that_breaks(scene: Any, case_of: Any, golden: Any) -> None:
    nodes = scene.tree()
    found = {
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
    facts = nodes["k2"].data.model_dump() | {
        "findings": [found],
        "compiler": "clang-21",
    }
    built = scene.node(
        *("k2", "kbuild", " ".join(nodes["k2"].path)),
        result="fail",
        artifacts={k: v for k, v in nodes["k2"].artifacts.items() if k != "kernel"},
        data=facts,
    )
    mail = regression_mail(case_of("k2", nodes={"k2": built}), scene.head)
    golden("build.eml", mail)


def test_a_mail_has_one_signature_and_no_command(scene: Any, case_of: Any) -> None:
    body = body_of(regression_mail(case_of("b2", "k2"), scene.head))
    assert body.count("\n-- \n") == 1
    assert not body.startswith("\n")
    assert "#kernelci" not in body


def test_the_subject_names_the_fault_and_stays_short(scene: Any, case_of: Any) -> None:
    subject = regression_mail(case_of("b2", "k2"), scene.head).subject
    assert subject == (
        "[REGRESSION] mainline/master: boot: board-1: "
        "VFS: Unable to mount root fs (x86_64, gcc-14)"
    )
    long = scene.tree()
    long["b2"].data.findings[0].headline = "word " * 100
    cut = regression_mail(case_of("b2", "k2", nodes=long), scene.head).subject
    assert len(cut) <= 110
    assert cut.endswith("... (x86_64, gcc-14)")


def test_what_is_not_known_is_left_out(scene: Any, case_of: Any) -> None:
    bare = scene.node("b2", "job", "checkout boot", result="fail")
    mail = regression_mail(case_of("b2", nodes={"b2": bare}), scene.head)
    assert "None" not in mail.to_bytes().decode()
    assert "the test machine no longer boots" in body_of(mail)
    assert "X-Kernelci-Platform" not in mail.to_bytes().decode()


def test_a_long_log_is_cut_and_says_so(scene: Any, case_of: Any) -> None:
    nodes = scene.tree()
    nodes["b2"].data.findings[0].excerpt = [f"[ 1.{n}] {'x' * 9999}" for n in range(99)]
    body = body_of(regression_mail(case_of("b2", "k2", nodes=nodes), scene.head))
    assert body.count("[ 1.") == 20
    assert "... 79 lines left out\n" in body
    assert len(body) < 40 * 1024


def test_a_log_cannot_speak_for_us(scene: Any, case_of: Any) -> None:
    nodes = scene.tree()
    said = ["#kernelci invalid: x", "#regzbot dup: y", "-- ", "From me", "> x"]
    nodes["b2"].data.findings[0].excerpt = said
    body = body_of(regression_mail(case_of("b2", "k2", nodes=nodes), scene.head))
    assert body.count("\n-- \n") == 1
    assert not re.search(r"(?m)^(#|>|From )", body)


def test_regzbot_hears_only_of_trees_and_lists_that_are_its_own(
    scene: Any, case_of: Any
) -> None:
    def body_to(recipient: str) -> str:
        head = replace(scene.head, recipients=(recipient,))
        return body_of(regression_mail(case_of("b2", "k2"), head))

    line = "\n\n#regzbot introduced: 99aa88bb77cc..11aa22bb33cc\n\n"
    assert line in body_to("regressions@lists.linux.dev")
    assert "#regzbot" not in body_to("results@ci.example.org")


def test_staging_says_so_in_the_subject(scene: Any, case_of: Any) -> None:
    head = scene.settings(mail_mode="redirect:me@ci.example.org").letterhead
    mail = regression_mail(case_of("b2", "k2"), head)
    assert mail.subject.startswith("[STAGING] [REGRESSION] ")
    assert "To: me@ci.example.org\r\n" in mail.to_bytes().decode()


def test_a_mail_written_again_is_the_same(scene: Any, case_of: Any) -> None:
    first, second = (
        regression_mail(case_of("b2", "k2"), scene.head).to_bytes() for _ in range(2)
    )
    assert first == second


@given(
    st.dictionaries(st.sampled_from(NAMES), TRICKS),
    st.dictionaries(st.sampled_from(WORDS), TRICKS),
    st.lists(TRICKS, max_size=3),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_no_name_and_no_log_breaks_out_of_its_place(
    scene: Any,
    case_of: Any,
    names: dict[str, str],
    words: dict[str, str],
    lines: list[str],
) -> None:
    nodes = scene.tree()
    for name, value in words.items():
        setattr(nodes["b2"].data, name, value)
    nodes["b2"].data.findings[0].excerpt = lines
    nodes["b2"].data.findings[0].headline = " ".join(lines)
    case = case_of("b2", "k2", nodes=nodes)
    told = case.regression.data.failed_kernel_revision
    case.regression.data.failed_kernel_revision = Revision.model_construct(
        **{**vars(told), **names}
    )
    content = regression_mail(case, scene.head).to_bytes()
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert not found.defects
    assert found["Bcc"] is None
    assert len(found["Subject"]) <= 110
    body = body_of(regression_mail(case, scene.head))
    assert body.replace("\n", "").isprintable()
    assert body.split("\n").count("-- ") == 1
    assert not re.search(r"(?m)^#", body)
    assert "None" not in body
    assert max(map(len, content.split(b"\r\n"))) <= 998
    for line in body.splitlines():
        ours = not line.startswith("  ") and "://" not in line and line[:1] != "|"
        assert len(line) <= 76 or not ours
