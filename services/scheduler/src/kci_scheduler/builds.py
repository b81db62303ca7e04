# SPDX-License-Identifier: LGPL-2.1-or-later
"""The builds of a checkout, each once: no kernel is built again that was built before.

What is built of what has an identity, and its key makes it one node, whichever checkout
it hangs below. Another checkout of the same sources gets that build's result as a node
of its own when it is there, and waits until then.
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
from kci_shared.rules.artifacts import TARBALL
from kci_shared.rules.keys import same_key
from kci_shared.rules.verdicts import is_settled

PLATFORM = "build"
"""What a builder claims, besides its runtime."""
SHARED = {"kernel_revision", "planned", "regression", "definition", "same_as"}
"""What of a build's data another checkout's node does not take over."""


@dataclass
class BuildPlan:
    """What is to be created, and whether there is more to come."""

    wanted: list[NewNode] = field(default_factory=list)
    is_complete: bool = True
    """False while builds of another checkout are waited for."""


def plan_builds(
    config: Config, checkout: Checkout, kin: list[Kbuild], now: datetime
) -> BuildPlan:
    """Plan the builds of a checkout; `kin` are all builds of its commit so far."""
    plan = BuildPlan()
    revision = checkout.data.kernel_revision
    if revision is None or TARBALL not in checkout.artifacts:
        return plan
    there = {build.name for build in kin if build.parent == checkout.id}
    elsewhere: dict[str | None, list[Kbuild]] = {}
    for build in kin:
        if build.parent != checkout.id and build.data.same_as is None:
            elsewhere.setdefault(build.data.identity, []).append(build)
    for entry, built in asked_for(config, checkout, revision):
        if built.name in there:
            continue
        there.add(built.name)
        new = first_attempt(config, entry, built, checkout, now)
        others = elsewhere.get(new.data["identity"], [])
        last = max(others, key=lambda build: build.retry_counter, default=None)
        if last is None:
            plan.wanted.append(new)
        elif not is_settled(last) or (
            # once it is planned, what was to follow is there
            not last.data.planned and is_due_again(config, last)
        ):
            plan.is_complete = False
        elif last.result in (Result.PASS, Result.FAIL):
            plan.wanted.append(same(last, checkout))
        else:
            plan.wanted.append(attempts.as_attempt(new, last.retry_counter + 1))
    return plan


def asked_for(
    config: Config, checkout: Checkout, revision: Revision
) -> Iterator[tuple[Build, Built]]:
    """List the builds that a checkout gets; one may come by several entries."""
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
    """Return a build's node, for a builder to claim."""
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
    """Name what a checkout's builds are made from.

    By the tarball, not only by the commit: a checkout that lies about its commit
    must not have its kernels taken for another's.
    """
    revision = checkout.data.kernel_revision
    assert revision is not None
    parts = (revision.commit, revision.patchset, checkout.artifacts[TARBALL])
    return " ".join(part or "-" for part in parts)


def same(build: Kbuild, checkout: Checkout) -> NewNode:
    """Return a build that was made for another checkout as a node of this one."""
    data: dict[str, Any] = build.data.model_dump(
        mode="json", exclude=SHARED, exclude_none=True
    )
    return NewNode(
        kind=Kind.KBUILD,
        name=build.name,
        parent=checkout.id,
        state=State.DONE,
        result=build.result,
        artifacts=build.artifacts,
        data={**data, "same_as": build.id},
        idempotency_key=same_key(checkout.id, build.name),
    )


def next_attempt(config: Config, build: Kbuild, now: datetime) -> NewNode:
    """Return the same build once more, beside the one that was spoiled."""
    entry = next(iter(config.built[build.name]))
    deadline = now + timedelta(seconds=config.builds[entry.entry].queue)
    return attempts.retry(build, deadline)
