# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why work cannot be run; each class decides the error code of its node."""

from typing import ClassVar

from kci_shared.errors import KciError
from kci_shared.models import ErrorCode


class CannotRun(KciError):
    """The work cannot be run here and now; this says nothing about the kernel.

    The node becomes incomplete with the class's error code.
    """

    error_code: ClassVar[ErrorCode] = ErrorCode.INFRASTRUCTURE


class BadJob(CannotRun):
    """The node's own definition is wrong: no runtime could run it."""

    error_code = ErrorCode.INVALID_JOB_PARAMS


class NotConfigured(CannotRun):
    """The runtime is not set up for such work."""

    error_code = ErrorCode.CONFIGURATION
