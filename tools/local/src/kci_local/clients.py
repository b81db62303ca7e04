# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of a site's API and storage, with the rights of `outside`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kci_local.site import Site
from kci_shared.client import ApiClient
from kci_shared.storage import Storage, StorageSettings


@asynccontextmanager
async def connect(site: Site) -> AsyncIterator[tuple[ApiClient, Storage]]:
    """Connect to both as a CI system from outside, which may write any node."""
    settings = StorageSettings(
        api_url=site.url("api"),
        storage_url=site.url("storage"),
        token_file=site.secrets.path("outside.token"),
    )
    async with (
        ApiClient.connect(settings) as api,
        Storage.connect(settings) as storage,
    ):
        yield api, storage
