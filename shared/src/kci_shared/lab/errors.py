# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors of labs that boot kernels on devices."""

from kci_shared.models import ErrorCode
from kci_shared.work import CannotRun


class LabError(CannotRun):
    """The lab cannot run the job: its server, its network or a device is at fault."""


class NoDevice(LabError):
    """The lab has no device that fits."""

    error_code = ErrorCode.CONFIGURATION
