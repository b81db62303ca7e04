# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mail on a fixed regression."""

import pytest
from email_reporter_fakes import HEAD, Tree, make_node, make_regression

from kci_email_reporter.fixed_mail import fixed_mail
from kci_email_reporter.mail import Mail
from kci_email_reporter.regression_thread import Case

FIXED = {
    "tree": "mainline",
    "branch": "master",
    "url": "https://git.kernel.example/linux.git",
    "describe": "v7.1-rc2",
    "commit": "77" * 20,
}


def mail_of(tree: Tree, *node_ids: str) -> Mail:
    lineage = tree.lineage(*node_ids)
    regression, passed = make_regression(lineage[0])
    regression.data.fix = "x86: fix the root file system"
    data = {"kernel_revision": FIXED}
    fixed = make_node("f1", "job", "checkout boot", result="pass", data=data)
    return fixed_mail(Case(regression, lineage, passed), fixed, HEAD)


@pytest.mark.parametrize(
    ("lineage", "verdict"),
    [
        (["k2"], "mainline/master builds again (x86_64, defconfig, gcc-14)."),
        (
            ["b2", "k2"],
            "board-1 (x86_64, defconfig, gcc-14) boots again on mainline/master.",
        ),
        (
            ["t3", "t2", "s2", "b3", "k2"],
            "smoke.smoke.proc-mounted passes again on qemu-x86"
            " (x86_64, defconfig, gcc-14), mainline/master.",
        ),
    ],
)
def test_a_mail_says_what_works_again(
    tree: Tree, lineage: list[str], verdict: str
) -> None:
    body = mail_of(tree, *lineage).body
    assert body.replace("\n", " ").startswith(verdict)


def test_a_mail_names_both_revisions_and_the_fix(tree: Tree) -> None:
    body = mail_of(tree, "b2", "k2").body
    assert "First bad:  v7.1-rc1-27-g11aa22bb33cc  2026-11-22\n" in body
    assert "Good again: v7.1-rc2                   2026-11-22\n" in body
    assert "Fix named:  x86: fix the root file system\n" in body
