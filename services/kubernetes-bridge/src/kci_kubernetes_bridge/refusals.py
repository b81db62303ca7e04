# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an API server's refusal means: try again, or end the job; pure.

| status | error | what the bridge does |
|---|---|---|
| 5xx, 408, 410, 429 | `Away` | tries again until the job's time is over |
| 401, 403 | `Denied`, the fault of the channel | waits until access is allowed |
| 400, 422 | `BadJob` | ends the job: its definition is wrong |
| any other, a 403 of a quota | `LabError` | ends the job: the cluster is at fault |
"""

from http import HTTPStatus
from typing import NamedTuple

import httpx

from kci_shared.channels import Sighting
from kci_shared.channels.sightings import of_response
from kci_shared.lab import LabError
from kci_shared.work import BadJob, CannotRun

INVALID = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GONE)


class Away(LabError):
    """The cluster does not answer for now; it may have received the request."""


class Denied(LabError):
    """The cluster denies access: for good, or until it has loaded its own rules."""


class Right(NamedTuple):
    """A permission that a request needs, in the words of a Role."""

    verb: str
    resource: str
    """With its API group: batch/jobs, pods, pods/log."""
    namespace: str


def judge(answer: httpx.Response) -> Sighting:
    """Judge an answer; to be above a quota is the fault of one Job."""
    sighting = of_response(answer)
    if sighting is Sighting.FORBIDDEN and answer.is_closed and "quota" in answer.text:
        return Sighting.INVALID
    return sighting


def refusal(status: int, message: str, right: Right) -> CannotRun:
    """Return the error that an HTTP status stands for."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in BUSY:
        return Away(f"Kubernetes: HTTP {status}: {message}")
    if status == HTTPStatus.UNAUTHORIZED:
        return Denied(f"Kubernetes does not accept our token: {message}")
    if status == HTTPStatus.FORBIDDEN and "quota" not in message:
        return Denied(
            f"the bridge needs the right to {right.verb} {right.resource} in the "
            f"namespace {right.namespace} (see manifests/rbac.yaml): {message}"
        )
    if status in INVALID:
        return BadJob(f"Kubernetes refuses the job: {message}")
    return LabError(f"Kubernetes: HTTP {status}: {message}")
