# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service's token in a file that only its owner can read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kci_api.callers.authenticator import Authenticator
from kci_shared.errors import NotLoggedIn


@dataclass(frozen=True)
class TokenRequest:
    """The token that a service needs."""

    name: str
    scopes: list[str]
    life: timedelta


async def ensure_token(
    tokens: Authenticator, request: TokenRequest, file: Path
) -> None:
    """Write a token to a file, unless it has one like it with half its life left."""
    if file.exists():
        text = file.read_text().strip()
        if await _is_sufficient(tokens, request, text):
            return
    text, _ = await tokens.issue(request.name, request.scopes, request.life)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    part.write_text(text)
    part.replace(file)


async def _is_sufficient(
    tokens: Authenticator, request: TokenRequest, text: str
) -> bool:
    try:
        token = (await tokens.session(text)).token
    except NotLoggedIn:
        return False
    left = token.expires - datetime.now(UTC)
    is_same = token.name == request.name
    is_same = is_same and sorted(token.scopes) == sorted(request.scopes)
    return is_same and left >= request.life / 2
