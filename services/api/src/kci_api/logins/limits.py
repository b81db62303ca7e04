# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rate limits of attempts to log in."""

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from kci_shared.errors import TooMany
from kci_shared.logging import get_logger

log = get_logger(__name__)

BY_LOGIN = RateLimitItemPerMinute(10, 5)
"""For one name from one address, in 5 minutes; a right password resets it."""
BY_ADDRESS = RateLimitItemPerMinute(60)
REDIS_S = 2.0


class LoginLimits:
    """Counts attempts in Redis, for all replicas; in memory while Redis is down."""

    def __init__(self, redis_url: str) -> None:
        redis = RedisStorage(
            f"async+{redis_url}", implementation="redispy", socket_timeout=REDIS_S
        )
        self._shared = FixedWindowRateLimiter(redis)
        self._own = FixedWindowRateLimiter(MemoryStorage())

    async def check(self, address: str, login: str) -> None:
        """Count an attempt; `TooMany` if there were too many."""
        for limit, key in ((BY_ADDRESS, (address,)), (BY_LOGIN, (address, login))):
            if not await self._hit(limit, key):
                raise TooMany("too many attempts; try again in some minutes")

    async def forgive(self, address: str, login: str) -> None:
        """Reset the count of a name after a right password."""
        for limiter in (self._shared, self._own):
            try:
                await limiter.clear(BY_LOGIN, address, login)
            except (RedisError, OSError):
                continue

    async def _hit(self, limit: RateLimitItemPerMinute, key: tuple[str, ...]) -> bool:
        try:
            return await self._shared.hit(limit, *key)
        except (RedisError, OSError) as error:
            log.warning("redis away", reason=str(error))
            return await self._own.hit(limit, *key)
