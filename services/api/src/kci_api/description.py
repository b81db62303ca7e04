# SPDX-License-Identifier: LGPL-2.1-or-later
"""The general part of the OpenAPI description."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

DESCRIPTION = """\
A tree of nodes, and the events of their changes.

Every path exists under `/latest` and `/v0`; a path without either means `/latest`.
Changes need `Authorization: Bearer <token>`. Times are UTC with offset and
milliseconds. An error is `{"detail": ...}`: a text, a list of invalid fields (422), or
the current node (409).
"""

TAGS = [
    {"name": "nodes", "description": "checkouts, builds, jobs and tests, as one tree"},
    {"name": "claims", "description": "run jobs: claim, renew, report"},
    {"name": "events", "description": "past events, event streams, channels and lists"},
    {"name": "kv", "description": "values that clients share"},
    {"name": "users", "description": "people, their logins, groups and invitations"},
    {"name": "tokens", "description": "the tokens of services"},
    {"name": "runtimes", "description": "the labs and clusters that run jobs"},
    {"name": "regressions", "description": "their status, as people set it"},
    {
        "name": "audit",
        "description": "who changed users, groups and tokens",
    },
    {"name": "import", "description": "nodes of other systems"},
    {"name": "health", "description": "for monitoring"},
]


class Fault(BaseModel):
    """One invalid field."""

    loc: Annotated[list[str | int], Field(examples=[["query", "kind"]])]
    """The path of the field in the request."""
    msg: str
    type: str


class Faults(BaseModel):
    """The invalid fields of a request."""

    detail: list[Fault]


class Problem(BaseModel):
    """An error."""

    detail: Any


REFUSED = """\
Refused. 400: not a valid request; 401: no valid token, or not one for this node; 403:
not permitted; 404: not found; 409: another change came first, `detail` may be the
current node; 413: too large; 429: too many requests, try again after `Retry-After`
seconds.
"""
AWAY = """\
Nothing was changed. 503: a store is down, try again after `Retry-After` seconds; 504:
the query took too long, restrict it.
"""
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": REFUSED},
    "422": {"model": Faults, "description": "invalid fields"},
    "5XX": {"model": Problem, "description": AWAY},
}
