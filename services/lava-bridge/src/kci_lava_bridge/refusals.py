# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it means if LAVA does not answer, or refuses a request."""

import httpx

from kci_shared.channels import Sighting
from kci_shared.channels.sightings import of_response
from kci_shared.lab import LabError, NoDevice
from kci_shared.work import BadJob, CannotRun

NO_DEVICE = ("Devices unavailable", "No devices of type")
"""How LAVA's message begins if no device fits a job."""


class LavaAway(LabError):
    """LAVA does not answer; whether it has processed the request is unknown."""


class LavaBroken(LavaAway):
    """LAVA answers with an internal error, which may be permanent."""


def judge(answer: httpx.Response) -> Sighting:
    """Judge an answer; a job that we may not cancel says nothing of our token."""
    sighting = of_response(answer)
    is_of_job = answer.request.url.path.endswith("/cancel/")
    if sighting is Sighting.FORBIDDEN and is_of_job:
        return Sighting.INVALID
    return sighting


def refusal(answer: httpx.Response) -> CannotRun:
    """Return the error that a refusal of LAVA means."""
    message = _message(answer)
    if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
        return LavaBroken(f"LAVA: HTTP 500: {message}")
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return LavaAway(f"LAVA: HTTP {answer.status_code}: {message}")
    if answer.status_code == httpx.codes.FORBIDDEN:
        return LabError(f"LAVA does not accept our token: {message}")
    if answer.status_code == httpx.codes.BAD_REQUEST:
        refused = NoDevice if message.startswith(NO_DEVICE) else BadJob
        return refused(f"LAVA refuses the job: {message}")
    return LabError(f"LAVA: unexpected HTTP {answer.status_code}: {message}")


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    message = (
        body.get("message", body.get("detail", body))
        if isinstance(body, dict)
        else body
    )
    return " ".join(str(message).split())[:500]
