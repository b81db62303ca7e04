# SPDX-License-Identifier: LGPL-2.1-or-later
"""The connection of services to Redis."""

from redis.asyncio import Redis


def open_redis(url: str) -> Redis:
    """Open Redis for blocking reads; replies are bytes."""
    return Redis.from_url(
        url,
        socket_timeout=None,  # a blocking read outlasts any client timeout
    )
