# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first administrator, created at start."""

from kci_api.callers.documents import UserDocument
from kci_api.callers.passwords import Passwords
from kci_api.callers.store import UserStore
from kci_api.settings import Settings
from kci_shared.errors import BadRequest
from kci_shared.logging import get_logger

log = get_logger(__name__)


async def ensure_administrator(settings: Settings) -> None:
    """Create the administrator of the settings, unless that user exists."""
    name, secret = settings.admin_user, settings.admin_password
    password = secret.read() if secret else None
    users = UserStore()
    if name is None or password is None or await users.find(name) is not None:
        return
    administrator = UserDocument(
        username=name,
        email=settings.admin_email,
        hashed_password=await Passwords().hash(password),
        is_superuser=True,
        is_verified=True,
    )
    try:
        await users.add(administrator)
    except BadRequest:
        if await users.find(name) is None:
            raise
        return  # another replica was faster
    log.info("administrator made", user=name)
