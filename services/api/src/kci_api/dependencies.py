# SPDX-License-Identifier: LGPL-2.1-or-later
"""How a route gets one of the application's stores: by its type."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import TypeVar

from fastapi import FastAPI, Request

S = TypeVar("S")


def provide(app: FastAPI, stores: Iterable[object]) -> None:
    """Make stores available to the routes of an application, each under its type."""
    app.state.stores = {type(store): store for store in stores}


def find_store(request: Request, kind: type[S]) -> S:
    """Return the store of type `kind`; `KeyError` if the application has none."""
    store = request.app.state.stores[kind]
    assert isinstance(store, kind)
    return store


@cache  # FastAPI resolves a dependency once per request if it is the same function
def store_of(kind: type[S]) -> Callable[[Request], Awaitable[S]]:
    """Return the dependency that finds the store of type `kind`."""

    async def find(request: Request) -> S:
        return find_store(request, kind)

    return find
