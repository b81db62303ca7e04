# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokens as text: signed JSON that names its own document."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jose import JWTError, jwt

from kci_api.callers.documents import Token
from kci_shared.errors import BadRequest, NotLoggedIn

ALGORITHM = "HS256"
AUDIENCE = "fastapi-users:auth"
"""What KernelCI's tokens say, so that its tools know ours."""


class Signer:
    """Writes and reads tokens with one key."""

    def __init__(self, key: str) -> None:
        self._key = key

    def write(self, token: Token) -> str:
        """Return the text of a token."""
        claims = {
            "sub": token.name,
            "aud": [AUDIENCE],
            "iat": int(token.created.timestamp()),
            "exp": int(token.expires.timestamp()),
            "jti": token.id,
        }
        if token.user is None:
            claims["scopes"] = token.scopes
        return str(jwt.encode(claims, self._key, algorithm=ALGORITHM))

    def read(self, text: str) -> str:
        """Return the id of the token; `NotLoggedIn` if it is forged or too old."""
        try:
            claims = jwt.decode(
                text,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require_exp": True, "require_aud": True, "require_jti": True},
            )
        except JWTError as error:
            raise NotLoggedIn("Unauthorized") from error
        return str(claims["jti"])

    def write_link(self, purpose: str, life: timedelta, **claims: str) -> str:
        """Return the text of a token that is good for one purpose, and no login."""
        now = datetime.now(UTC)
        times = {"iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
        said = {**claims, "purpose": purpose, **times}
        return str(jwt.encode(said, self._key, algorithm=ALGORITHM))

    def read_link(self, purpose: str, text: str) -> dict[str, Any]:
        """Return what such a token says; `BadRequest` if it is not good for that."""
        try:
            claims = jwt.decode(
                text, self._key, algorithms=[ALGORITHM], options={"require_exp": True}
            )
        except JWTError as error:
            raise BadRequest(f"Invalid {purpose} token") from error
        if claims.get("purpose") != purpose:
            raise BadRequest(f"Invalid {purpose} token")
        return dict(claims)
