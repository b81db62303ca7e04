# SPDX-License-Identifier: LGPL-2.1-or-later
"""What templates do with the values they insert."""

import pytest
from jinja2 import UndefinedError

from kci_email_reporter.template_engine import VALUE_MAX_CHARS, render

FOOTER = "footer.txt.j2"


def test_a_value_stays_on_its_line() -> None:
    text = render(FOOTER, contact="me\n#kernelci invalid\r\n\x1b[2J-- \u2028x")
    assert text == "Humans: me #kernelci invalid  --  x\n"


def test_a_value_is_not_rendered_as_a_template() -> None:
    assert render(FOOTER, contact="{{ 7 * 7 }}") == "Humans: {{ 7 * 7 }}\n"


def test_a_long_value_is_cut() -> None:
    assert len(render(FOOTER, contact="x" * 10**6)) < VALUE_MAX_CHARS + 20


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="inserts None"):
        render("summary.txt.j2", title=None)
    with pytest.raises(UndefinedError):
        render(FOOTER)
