# SPDX-License-Identifier: LGPL-2.1-or-later
"""The headers and parameters that a write of nodes may have, as dependencies."""

import re
from typing import Annotated

from fastapi import Depends, Header, Query

from kci_api.callers.auth import CurrentCaller
from kci_api.nodes.fencing import Writer
from kci_api.nodes.rules import WriteOptions
from kci_shared.errors import BadRequest
from kci_shared.models.sizes import Integer, Text

ClaimToken = Annotated[Integer | None, Header()]


async def writer(caller: CurrentCaller, claim_token: ClaimToken = None) -> Writer:
    """Return who writes, and with which claim."""
    return Writer(caller, claim_token)


async def write_options(
    if_match: Annotated[Text | None, Header()] = None,
    claim_token: ClaimToken = None,
    noevent: Annotated[bool, Query()] = False,
) -> WriteOptions:
    """Return what the headers ask for; `BadRequest` if If-Match names no version."""
    if if_match in (None, "*"):
        return WriteOptions(None, claim_token, noevent)
    version = re.fullmatch(r'(?:W/)?"?(\d{1,18})"?', if_match or "")
    if version is None:
        raise BadRequest(f'If-Match: {if_match} is not a version such as "3"')
    return WriteOptions(int(version[1]), claim_token, noevent)


CurrentWriter = Annotated[Writer, Depends(writer)]
CurrentOptions = Annotated[WriteOptions, Depends(write_options)]
