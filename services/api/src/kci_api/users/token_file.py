# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service's token in a file that only its owner reads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kci_api.callers.authenticator import Authenticator
from kci_shared.errors import NotLoggedIn


@dataclass(frozen=True)
class TokenRequest:
    """The token that a service shall have."""

    name: str
    scopes: list[str]
    life: timedelta


async def ensure_token(tokens: Authenticator, wish: TokenRequest, file: Path) -> None:
    """Write a token to a file, unless as good a one lies there, half its life left."""
    if file.exists() and await _is_good(tokens, wish, file.read_text().strip()):
        return
    text, _ = await tokens.issue(wish.name, wish.scopes, wish.life)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    part.write_text(text)
    part.replace(file)


async def _is_good(tokens: Authenticator, wish: TokenRequest, text: str) -> bool:
    try:
        token = (await tokens.session(text)).token
    except NotLoggedIn:
        return False
    left = token.expires - datetime.now(UTC)
    same = (token.name, sorted(token.scopes)) == (wish.name, sorted(wish.scopes))
    return same and left >= wish.life / 2
