# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links to the API, as people outside reach it."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlencode

from fastapi import Request

from kci_api.dependencies import find_store
from kci_api.settings import Settings


@dataclass(frozen=True)
class Links:
    """Makes links to the API's public address."""

    public: str

    def page(self, path: str, token: str | None = None) -> str:
        """Return the address of a page."""
        query = "" if token is None else "?" + urlencode({"token": token})
        return f"{self.public}/{path}{query}"


async def links(request: Request) -> Links:
    """Return the links for a request: by the setting, or else by its headers."""
    public = find_store(request, Settings).public_url
    return Links((public or _requested_address(request)).rstrip("/"))


def _requested_address(request: Request) -> str:
    host = request.headers.get("x-forwarded-host")
    if host is None or not _is_local(request):
        return str(request.base_url)
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{host}"


def _is_local(request: Request) -> bool:
    """Return whether a request comes from a local proxy, whose headers are trusted."""
    try:
        return not ip_address(request.client.host if request.client else "").is_global
    except ValueError:
        return False
