# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree of errors.

* KciError                  any error that we raise on purpose
  * ConfigError             the configuration is wrong: file, line, remedy
  * NotYet                  what a handler needs does not exist yet
  * ChannelDown             another system cannot be used; see `kci_shared.channels`
  * ApiError                the API refuses a request; `status` is the HTTP status
    * BadRequest            400
    * NotPermitted          401, 403
      * NotLoggedIn         401
    * NotFound              404
    * Conflict              409
    * TooLarge              413
    * Invalid               422
    * TooMany               429
    * Unavailable           503
      * TooSlow             504
  * StorageError            an artifact cannot be stored or read
    * NotStored             the artifact does not exist, and never will
    * StorageRefused          the storage refuses this artifact
  * CannotRun               work cannot be run here; see `kci_shared.work.errors`

`retryable` says whether the same call may succeed later.
"""

from typing import Any, ClassVar


class KciError(Exception):
    """Any error that we raise on purpose."""

    retryable: ClassVar[bool] = False


class ConfigError(KciError):
    """The configuration is wrong; the message names file, line and remedy."""


class NotYet(KciError):
    """What a handler needs does not exist yet; the event is delivered again later."""

    retryable = True


class ChannelDown(KciError):
    """Another system cannot be used for now: no fault of what was sent to it.

    The message says which, why, and what to do. Nothing is given up because of it.
    `seen` is the `Sighting` that took the channel down.
    """

    retryable = True

    def __init__(self, message: str, seen: str = "") -> None:
        super().__init__(message)
        self.seen = seen


class StorageError(KciError):
    """An artifact cannot be stored or read."""

    retryable = True


class NotStored(StorageError):
    """The artifact does not exist; another attempt will not help."""

    retryable = False


class StorageRefused(StorageError):
    """The storage refuses this artifact, such as one that is too large."""

    retryable = False


class ApiError(KciError):
    """The API refuses a request; `detail` is that of its answer."""

    status: ClassVar[int] = 500

    def __init__(self, detail: Any = "") -> None:
        super().__init__(detail if isinstance(detail, str) else repr(detail))
        self.detail: Any = detail or type(self).__doc__

    @classmethod
    def by_status(cls) -> dict[int, type["ApiError"]]:
        """Map each HTTP status to its error."""
        errors = {cls.status: cls} if cls is not ApiError else {}
        for error in cls.__subclasses__():
            errors |= error.by_status()
        return errors


class BadRequest(ApiError):
    """The request is invalid in its context, such as a forbidden transition."""

    status = 400


class NotPermitted(ApiError):
    """The caller may not do that."""

    status = 403


class NotLoggedIn(NotPermitted):
    """The request has no valid token, or none for this change."""

    status = 401


class NotFound(ApiError):
    """It does not exist."""

    status = 404


class Conflict(ApiError):
    """Another change came first; `detail` may have the current state."""

    status = 409


class TooLarge(ApiError):
    """The request is larger than the API accepts."""

    status = 413


class Invalid(ApiError):
    """A field of the request is wrong; `detail` lists what and where."""

    status = 422


class TooMany(ApiError):
    """Too many requests."""

    status = 429
    retryable = True


class Unavailable(ApiError):
    """A store is temporarily down; nothing was changed."""

    status = 503
    retryable = True


class TooSlow(Unavailable):
    """The query took too long."""

    status = 504
