# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokens as text: JSON Web Tokens, whose id is that of the stored document."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jose import JWTError, jwt

from kci_api.callers.documents import Token
from kci_shared.errors import BadRequest, NotLoggedIn

ALGORITHM = "HS256"
AUDIENCE = "fastapi-users:auth"
"""The audience of KernelCI's tokens, which its tools expect."""


class Signer:
    """Signs and verifies tokens with one key."""

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
        """Return the id of a token; `NotLoggedIn` if it is forged or has expired."""
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
        """Return a token for a link: for one purpose only, not for a login."""
        now = datetime.now(UTC)
        times = {"iat": int(now.timestamp()), "exp": int((now + life).timestamp())}
        content = {**claims, "purpose": purpose, **times}
        return str(jwt.encode(content, self._key, algorithm=ALGORITHM))

    def read_link(self, purpose: str, text: str) -> dict[str, Any]:
        """Return the claims of a link's token; `BadRequest` unless valid for that."""
        try:
            claims = jwt.decode(
                text, self._key, algorithms=[ALGORITHM], options={"require_exp": True}
            )
        except JWTError as error:
            raise BadRequest(f"Invalid {purpose} token") from error
        if claims.get("purpose") != purpose:
            raise BadRequest(f"Invalid {purpose} token")
        return dict(claims)
