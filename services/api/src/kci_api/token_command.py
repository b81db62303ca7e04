# SPDX-License-Identifier: LGPL-2.1-or-later
"""Issue, list and revoke tokens of services: `kci-api token create|list|revoke`."""

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from getpass import getuser
from pathlib import Path

from kci_api.audit.store import Audit
from kci_api.callers.authenticator import Authenticator
from kci_api.callers.rules import SCOPE, USERNAME
from kci_api.settings import Settings
from kci_api.times import stamp
from kci_api.users.token_file import TokenRequest, ensure_token
from kci_api.wiring import open_authenticator, open_database

ROW = "{:32}  {:24}  {:29}  {}"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the actions on tokens, and their options."""
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create")
    create.add_argument("name", type=_matching(USERNAME))
    create.add_argument("--scope", action="append", default=[], type=_matching(SCOPE))
    create.add_argument("--days", type=float, default=365)
    create.add_argument("--out", type=Path)
    actions.add_parser("list")
    actions.add_parser("revoke").add_argument("id")


async def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Run the action of the command line."""
    async with open_database(settings):
        tokens = open_authenticator(settings)
        if arguments.action == "create":
            life = timedelta(days=arguments.days)
            request = TokenRequest(arguments.name, arguments.scope, life)
            await _create(tokens, request, arguments.out)
        elif arguments.action == "list":
            await _list(tokens)
        else:
            await Audit().record(f"terminal:{getuser()}", "token revoked", arguments.id)
            await tokens.revoke(arguments.id)


async def _create(
    tokens: Authenticator, request: TokenRequest, out: Path | None
) -> None:
    if out is not None:
        await ensure_token(tokens, request, out)
        return
    by = f"terminal:{getuser()}"
    await Audit().record(by, "token issued", request.name, scopes=request.scopes)
    text, _ = await tokens.issue(request.name, request.scopes, request.life)
    _print(text)


async def _list(tokens: Authenticator) -> None:
    _print(ROW.format("id", "name", "expires", "scopes"))
    for token in await tokens.service_tokens():
        scopes = " ".join(token.scopes)
        _print(ROW.format(token.id, token.name, stamp(token.expires), scopes))


def _matching(pattern: str) -> Callable[[str], str]:
    """Return a parser of arguments that match a pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} does not match {pattern}")
        return text

    return check


def _print(line: str) -> None:
    print(line)  # noqa: T201 - the output of the command
