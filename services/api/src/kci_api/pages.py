# SPDX-License-Identifier: LGPL-2.1-or-later
"""A part of a long answer, as all lists give it."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

T = TypeVar("T")
MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="at most so many")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="skip so many")]


class Page(BaseModel, Generic[T]):
    """A part of all that there is, and how much that is."""

    items: list[T]
    total: int
    limit: int
    offset: int
