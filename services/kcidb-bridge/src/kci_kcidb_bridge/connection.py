# SPDX-License-Identifier: LGPL-2.1-or-later
"""The connection to KCIDB's REST interface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_kcidb_bridge.settings import Settings
from kci_shared.channels import About, ChannelClient, TokenAuth

PROBE = ("GET", "/authtest")
TIMEOUT_S = 60


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[ChannelClient]:
    """Open KCIDB, with its channel."""
    token = settings.kcidb_token
    http = ChannelClient(
        About("kcidb", url="KCI_KCIDB_URL", credentials=token.setting),
        PROBE,
        base_url=settings.kcidb_url,
        auth=TokenAuth(token.read),
        timeout=TIMEOUT_S,
    )
    async with http, http.channel.opened():
        yield http
