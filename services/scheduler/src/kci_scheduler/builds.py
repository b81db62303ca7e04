# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plan the builds of a checkout; no kernel is built twice.

A build has an identity: its sources and its definition. The idempotency key is made of
it, so the build is one node, whichever checkout it is below. Another checkout of the
same sources waits for that build to end, and then gets a copy of its node.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kci_scheduler.filters import lets_build
from kci_scheduler.jobs import longest_run, priority
from kci_scheduler.rules import is_due_again
from kci_shared.config import Build, Built, Candidate, Config, identity
from kci_shared.models import (
    Checkout,
    Kbuild,
    Kind,
    NewNode,
    Result,
    Revision,
    State,
)
from kci_shared.rules import attempts
from kci_shared.rules.artifacts import KCIDB, TARBALL
from kci_shared.rules.keys import same_key
from kci_shared.rules.verdicts import is_settled

PLATFORM = "build"
"""The platform of all builds, which builders claim."""
NOT_COPIED = {"kernel_revision", "planned", "regression", "definition", "same_as"}
"""Fields of a build's data that its copy below another checkout does not get."""


@dataclass
class BuildPlan:
    """The builds to create now, and whether these are all."""

    new: list[NewNode] = field(default_factory=list)
    is_complete: bool = True
    """False while the checkout waits for builds of another one."""


def plan_builds(
    config: Config, checkout: Checkout, existing: list[Kbuild], now: datetime
) -> BuildPlan:
    """Plan the builds of a checkout; `existing` are all builds of its commit so far."""
    plan = BuildPlan()
    revision = checkout.data.kernel_revision
    if revision is None or TARBALL not in checkout.artifacts:
        return plan
    own = {build.name for build in existing if build.parent == checkout.id}
    elsewhere: dict[str | None, list[Kbuild]] = {}
    for build in existing:
        if build.parent != checkout.id and build.data.same_as is None:
            elsewhere.setdefault(build.data.identity, []).append(build)
    for entry, built in requested(config, checkout, revision):
        if built.name in own:
            continue
        own.add(built.name)
        new = first_attempt(config, entry, built, checkout, now)
        others = elsewhere.get(new.data["identity"], [])
        last = max(others, key=lambda build: build.retry_counter, default=None)
        if last is None:
            plan.new.append(new)
        elif not is_settled(last) or (
            # a planned build has its next attempt already, if it gets one
            not last.data.planned and is_due_again(config, last)
        ):
            plan.is_complete = False
        elif last.result in (Result.PASS, Result.FAIL):
            plan.new.append(same(last, checkout))
        else:
            plan.new.append(attempts.as_attempt(new, last.retry_counter + 1))
    return plan


def requested(
    config: Config, checkout: Checkout, revision: Revision
) -> Iterator[tuple[Build, Built]]:
    """List the builds of a checkout; several entries may request the same one."""
    for shared in config.built.values():
        for built in shared:
            entry = config.builds[built.entry]
            if (
                not entry.external
                and entry.when.holds(Candidate.of(revision, built))
                and lets_build(config, checkout, built)
            ):
                yield entry, built


def first_attempt(
    config: Config, entry: Build, built: Built, checkout: Checkout, now: datetime
) -> NewNode:
    """Return the node of a build, for a builder to claim."""
    revision = checkout.data.kernel_revision
    definition = entry.definition(built, config.fragments)
    data = {
        "arch": built.arch,
        "compiler": built.compiler,
        "defconfig": built.config,
        "config_full": built.config_full,
        "fragments": list(built.fragments),
        "runtime": entry.run,
        "platform": PLATFORM,
        "priority": priority(config, entry.priority, revision),
        "definition": definition.model_dump(mode="json", exclude_defaults=True),
        "identity": identity(definition, sources(checkout)),
        "run_timeout": longest_run(config, entry.run, entry.timeout, entry.queue),
    }
    new = NewNode(
        kind=Kind.KBUILD,
        name=built.name,
        parent=checkout.id,
        data=data,
        timeout=now + timedelta(seconds=entry.queue),
    )
    return attempts.as_attempt(new, 0)


def sources(checkout: Checkout) -> str:
    """Identify the sources of a checkout.

    The tarball is a part of it: a checkout with a wrong commit must not have its
    kernels reused for the right one.
    """
    revision = checkout.data.kernel_revision
    assert revision is not None
    parts = (revision.commit, revision.patchset, checkout.artifacts[TARBALL])
    return " ".join(part or "-" for part in parts)


def same(build: Kbuild, checkout: Checkout) -> NewNode:
    """Return a copy of a build of another checkout as a node of this one."""
    data: dict[str, Any] = build.data.model_dump(
        mode="json", exclude=NOT_COPIED, exclude_none=True
    )
    return NewNode(
        kind=Kind.KBUILD,
        name=build.name,
        parent=checkout.id,
        state=State.DONE,
        result=build.result,
        artifacts={n: url for n, url in build.artifacts.items() if n != KCIDB},
        data={**data, "same_as": build.id},
        idempotency_key=same_key(checkout.id, build.name),
    )


def next_attempt(config: Config, build: Kbuild, now: datetime) -> NewNode:
    """Return the next attempt at a build, beside the last one."""
    entry = next(iter(config.built[build.name]))
    deadline = now + timedelta(seconds=config.builds[entry.entry].queue)
    return attempts.retry(build, deadline)
