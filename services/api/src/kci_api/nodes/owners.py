# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which names own nodes."""

from kci_api.nodes.documents import NodeDocument

QUERY_MS = 15_000


async def owns_nodes(name: str) -> bool:
    """Return whether a user or service of this name owns any node."""
    nodes = NodeDocument.get_pymongo_collection()
    return await nodes.find_one({"owner": name}, max_time_ms=QUERY_MS) is not None
