# SPDX-License-Identifier: LGPL-2.1-or-later
"""The closed vocabularies: kinds, states, results, error codes."""

from enum import StrEnum


class Kind(StrEnum):
    """What a node is."""

    CHECKOUT = "checkout"
    KBUILD = "kbuild"
    JOB = "job"
    TEST = "test"
    PROCESS = "process"
    REGRESSION = "regression"


class State(StrEnum):
    """Where a node is in its life."""

    RUNNING = "running"
    AVAILABLE = "available"
    CLOSING = "closing"
    DONE = "done"


NEXT: dict[State, frozenset[State]] = {
    State.RUNNING: frozenset({State.AVAILABLE, State.CLOSING, State.DONE}),
    State.AVAILABLE: frozenset({State.CLOSING, State.DONE}),
    State.CLOSING: frozenset({State.DONE}),
    State.DONE: frozenset(),
}


def may_become(old: State, new: State) -> bool:
    """Say whether a node may go from `old` to `new`; staying is always allowed."""
    return new is old or new in NEXT[old]


class Result(StrEnum):
    """How a node ended."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    SKIP = "skip"
    INCOMPLETE = "incomplete"


class Severity(StrEnum):
    """What a finding in a log means for the result."""

    FAULT = "fault"
    """The kernel is broken; what it did afterwards proves nothing."""
    WARNING = "warning"
    """The kernel complained and went on; a slow host can cause some of these."""


class Progress(StrEnum):
    """How far a run has come, in the order of the steps."""

    QUEUED = "queued"
    """The lab has accepted it, but no device is free yet."""
    BOOTING = "booting"
    TESTING = "testing"


class Op(StrEnum):
    """What happened to a node."""

    CREATED = "created"
    UPDATED = "updated"


class ErrorCode(StrEnum):
    """Why a node did not pass: the codes that existing clients know."""

    INVALID_JOB_PARAMS = "invalid_job_params"
    SUBMIT_ERROR = "submit_error"
    NODE_TIMEOUT = "node_timeout"
    INFRASTRUCTURE = "Infrastructure"
    CANCELED = "Canceled"
    JOB = "Job"
    BUG = "Bug"
    TEST = "Test"
    CONFIGURATION = "Configuration"
    LAVA_TIMEOUT = "LAVATimeout"
    MULTINODE_TIMEOUT = "MultinodeTimeout"
    OBJECT_NOT_PERSISTED = "ObjectNotPersisted"
    UNEXISTING_PERMISSION = "Unexisting permission codename."
    JOB_GENERATION_ERROR = "job_generation_error"
    KBUILD_INTERNAL_ERROR = "kbuild_internal_error"
    GIT_CHECKOUT_FAILURE = "git_checkout_failure"
