# SPDX-License-Identifier: LGPL-2.1-or-later
"""The links that people get, which must lead back here from where they are."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlencode

from fastapi import Request

from kci_api.dependencies import find_store
from kci_api.settings import Settings


@dataclass(frozen=True)
class Links:
    """Where this API is, as people outside see it."""

    public: str

    def page(self, path: str, token: str | None = None) -> str:
        """Return the address of a page."""
        query = "" if token is None else "?" + urlencode({"token": token})
        return f"{self.public}/{path}{query}"


async def links(request: Request) -> Links:
    """Return the links for a request: as set, else as its proxy says it came."""
    public = find_store(request, Settings).public_url
    return Links((public or _as_sent(request)).rstrip("/"))


def _as_sent(request: Request) -> str:
    host = request.headers.get("x-forwarded-host")
    if host is None or not _is_near(request):
        return str(request.base_url)
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{host}"


def _is_near(request: Request) -> bool:
    """Say whether a request comes from a proxy of ours, which does not lie."""
    try:
        return not ip_address(request.client.host if request.client else "").is_global
    except ValueError:
        return False
