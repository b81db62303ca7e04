# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tokens of services at a terminal: `kci-api token create|list|revoke`."""

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
    """Add what may be said of tokens."""
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create")
    create.add_argument("name", type=_matching(USERNAME))
    create.add_argument("--scope", action="append", default=[], type=_matching(SCOPE))
    create.add_argument("--days", type=float, default=365)
    create.add_argument("--out", type=Path)
    actions.add_parser("list")
    actions.add_parser("revoke").add_argument("id")


async def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Do what was said."""
    async with open_database(settings):
        tokens = open_authenticator(settings)
        if arguments.action == "create":
            life = timedelta(days=arguments.days)
            wish = TokenRequest(arguments.name, arguments.scope, life)
            await _create(tokens, wish, arguments.out)
        elif arguments.action == "list":
            await _list(tokens)
        else:
            await Audit().record(f"terminal:{getuser()}", "token revoked", arguments.id)
            await tokens.revoke(arguments.id)


async def _create(tokens: Authenticator, wish: TokenRequest, out: Path | None) -> None:
    if out is not None:
        await ensure_token(tokens, wish, out)
        return
    by = f"terminal:{getuser()}"
    await Audit().record(by, "token issued", wish.name, scopes=wish.scopes)
    text, _ = await tokens.issue(wish.name, wish.scopes, wish.life)
    _say(text)


async def _list(tokens: Authenticator) -> None:
    _say(ROW.format("id", "name", "expires", "scopes"))
    for token in await tokens.service_tokens():
        scopes = " ".join(token.scopes)
        _say(ROW.format(token.id, token.name, stamp(token.expires), scopes))


def _matching(pattern: str) -> Callable[[str], str]:
    """Return what takes an argument of a pattern, and names the pattern else."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} does not match {pattern}")
        return text

    return check


def _say(line: str) -> None:
    print(line)  # noqa: T201 - the answer to whoever typed the command
