# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documentation says of the API as a whole."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

DESCRIPTION = """\
One tree of nodes, and the events that tell of it.

Every path exists under `/latest` and `/v0`; a path without either means `/latest`.
Whoever changes something sends `Authorization: Bearer <token>`. Times are UTC with
offset and milliseconds. An error is `{"detail": ...}`: a text, a list of what is wrong
with which field (422), or the node as it is now (409).
"""

TAGS = [
    {"name": "nodes", "description": "what happens to a kernel, as one tree"},
    {"name": "claims", "description": "running jobs: claim, renew, report"},
    {"name": "events", "description": "what happened, and what happens now"},
    {"name": "kv", "description": "small values that clients share"},
    {"name": "users", "description": "people, their logins, groups and invitations"},
    {"name": "tokens", "description": "the tokens of services"},
    {"name": "runtimes", "description": "the labs and clusters that run jobs"},
    {"name": "regressions", "description": "how far people are with them"},
    {"name": "audit", "description": "who changed what"},
    {"name": "import", "description": "nodes that other systems made"},
    {"name": "health", "description": "for monitoring"},
]


class Fault(BaseModel):
    """What is wrong with one field."""

    loc: Annotated[list[str | int], Field(examples=[["query", "kind"]])]
    """Where it stands."""
    msg: str
    type: str


class Faults(BaseModel):
    """What is wrong with a request."""

    detail: list[Fault]


class Problem(BaseModel):
    """What went wrong."""

    detail: Any


REFUSED = """\
Refused. 400: it cannot be served as it stands; 401: no good token, or not one for this
node; 403: the caller may not do that; 404: no such thing; 409: another change came
first, and `detail` may be what is there now; 413: too large; 429: too many, come again
after `Retry-After` seconds.
"""
AWAY = """\
Nothing was changed. 503: a store is away, come again after `Retry-After` seconds; 504:
the query took too long, ask for less.
"""
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": REFUSED},
    "422": {"model": Faults, "description": "a field is wrong"},
    "5XX": {"model": Problem, "description": AWAY},
}
