# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages of lists."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

T = TypeVar("T")
MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most items to return")]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="items to skip")]


class Page(BaseModel, Generic[T]):
    """Some items of a list, and the number of all."""

    items: list[T]
    total: int
    limit: int
    offset: int
