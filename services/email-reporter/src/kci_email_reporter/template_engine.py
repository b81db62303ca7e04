# SPDX-License-Identifier: LGPL-2.1-or-later
"""Renders templates: a missing value is an error, an inserted value stays one line."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kci_email_reporter.text import clip, fold, inline
from kci_shared.text import printable

VALUE_MAX_CHARS = 1000
"""Longest value that is inserted, such as a URL."""


def render(template: str, **values: Any) -> str:
    """Fill a template; no value can begin a line of its own."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kci_email_reporter"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text; a page would need it
        finalize=_inserted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"fold": fold, "inline": inline}
    return environment


def _inserted(value: object) -> str:
    if value is None:
        raise ValueError("a template inserts None; pass an empty string")
    return clip(printable(str(value)[: 4 * VALUE_MAX_CHARS]), VALUE_MAX_CHARS)
