# SPDX-License-Identifier: LGPL-2.1-or-later
"""Templates to text: what is missing is an error, what is foreign stays one line."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kci_email_reporter.text import clip, fold, printable, word

LONGEST = 1000
"""The longest value that a report says, such as a URL."""


def render(template: str, **facts: Any) -> str:
    """Fill a template; nothing in `facts` can begin a line of its own."""
    return _environment().get_template(template).render(facts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kci_email_reporter"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text; a page would need it
        finalize=_said,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"fold": fold, "word": word}
    return environment


def _said(value: object) -> str:
    if value is None:
        raise ValueError("a report must not say None")
    return clip(printable(str(value)[: 4 * LONGEST]), LONGEST)
