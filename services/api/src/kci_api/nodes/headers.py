# SPDX-License-Identifier: LGPL-2.1-or-later
"""The headers of a request that say on which terms it changes a node."""

import re
from typing import Annotated

from fastapi import Depends, Header, Query

from kci_api.callers.auth import CurrentCaller
from kci_api.nodes.fencing import Writer
from kci_api.nodes.rules import Terms
from kci_shared.errors import BadRequest

ClaimToken = Annotated[int | None, Header()]


async def writer(caller: CurrentCaller, claim_token: ClaimToken = None) -> Writer:
    """Return who writes, and by which claim."""
    return Writer(caller, claim_token)


async def terms(
    if_match: Annotated[str | None, Header()] = None,
    claim_token: ClaimToken = None,
    noevent: Annotated[bool, Query()] = False,
) -> Terms:
    """Return under which conditions a change is meant."""
    if if_match in (None, "*"):
        return Terms(None, claim_token, noevent)
    version = re.fullmatch(r'(?:W/)?"?(\d{1,18})"?', if_match or "")
    if version is None:
        raise BadRequest(f'If-Match: {if_match} is not a version such as "3"')
    return Terms(int(version[1]), claim_token, noevent)


CurrentWriter = Annotated[Writer, Depends(writer)]
CurrentTerms = Annotated[Terms, Depends(terms)]
