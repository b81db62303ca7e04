# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a template may be given."""

import pytest
from jinja2 import UndefinedError

from kci_email_reporter.render import LONGEST, render

FOOTER = "footer.txt.j2"


def test_a_value_stays_in_its_line() -> None:
    said = render(FOOTER, contact="me\n#kernelci invalid\r\n\x1b[2J-- \u2028x")
    assert said == "Humans: me #kernelci invalid  --  x\n"


def test_a_value_is_no_template() -> None:
    assert render(FOOTER, contact="{{ 7 * 7 }}") == "Humans: {{ 7 * 7 }}\n"


def test_a_value_without_end_is_cut() -> None:
    assert len(render(FOOTER, contact="x" * 10**6)) < LONGEST + 20


def test_nothing_is_never_said() -> None:
    with pytest.raises(ValueError, match="must not say None"):
        render("summary.txt.j2", title=None)
    with pytest.raises(UndefinedError):
        render(FOOTER)
