# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nodes of jobs, as they are created."""

import re
from datetime import datetime, timedelta
from typing import Any

from kci_shared.config import Config, LabType, Placement, Priority, Test
from kci_shared.models import (
    Definition,
    ErrorCode,
    Job,
    Kbuild,
    NewNode,
    Node,
    Process,
    Result,
    Revision,
    State,
)
from kci_shared.rules import attempts
from kci_shared.rules.artifacts import IMAGES, KERNEL, TARBALL

PRIORITIES = {Priority.LOW: 20, Priority.MEDIUM: 40, Priority.HIGH: 60}
"""As numbers: a claim takes the greatest first."""
GRACE_S = 1800
"""What a bridge may take for fetching and storing, besides the run itself."""
QUEUES = (LabType.LAVA, LabType.KUBERNETES, LabType.PULL)
"""Labs in which a job that was claimed may wait in a queue of their own."""
ARCHS = {
    "x86_64": {"debian": "amd64", "buildroot": "x86"},
    "i386": {"debian": "i386", "buildroot": "x86"},
    "arm64": {"debian": "arm64", "buildroot": "arm64"},
    "arm": {"debian": "armhf", "buildroot": "armel"},
    "riscv": {"debian": "riscv64", "buildroot": "riscv"},
}
"""What others call our archs, in the addresses of root file systems."""


def first_attempt(
    config: Config, place: Placement, parent: Node, build: Kbuild | None, now: datetime
) -> NewNode:
    """Return a test's job below a node; one that cannot run is over at once."""
    test = config.tests[place.test]
    revision = parent.data.kernel_revision
    data = {
        **(_built_as(config, build) if build else {}),
        "platform": place.platform,
        "runtime": place.lab,
        "priority": priority(config, test.priority, revision),
        "run_timeout": longest_run(config, place.lab, test.timeout, test.queue),
    }
    new = NewNode(
        kind=test.kind,
        name=place.test,
        group=test.group or place.test,
        parent=parent.id,
        timeout=now + timedelta(seconds=test.queue),
    )
    if build is not None and KERNEL not in build.artifacts:
        data["error_code"] = ErrorCode.INVALID_JOB_PARAMS
        data["error_msg"] = f"{build.name} has no artifact '{KERNEL}'"
        ended = {"state": State.DONE, "result": Result.INCOMPLETE}
        return attempts.as_attempt(new.model_copy(update={**ended, "data": data}), 0)
    told = Definition(
        artifacts=_artifacts(config, test, parent if build is None else build),
        tests=test.commands,
        timeout=test.timeout,
        template=test.template,
        params=_params(config, place),
        device=_device(config, place),
    )
    data["definition"] = told.model_dump(mode="json", exclude_defaults=True)
    return attempts.as_attempt(new.model_copy(update={"data": data}), 0)


def next_attempt(config: Config, job: Job | Process, now: datetime) -> NewNode:
    """Return the same job once more, beside the one that failed."""
    deadline = now + timedelta(seconds=config.tests[job.name].queue)
    return attempts.retry(job, deadline)


def priority(config: Config, own: Priority, revision: Revision | None) -> int:
    """Say how urgent something is: as its branch says, else as it says itself."""
    tree = config.trees.get(revision.tree) if revision else None
    branch = tree.branches.get(revision.branch) if tree and revision else None
    of_branch = branch.priority if branch else None
    return PRIORITIES[of_branch or own]


def longest_run(config: Config, runtime: str, timeout: float, queue: float) -> float:
    """Return how long a claim may last, which for some labs begins in their queue."""
    lab = config.labs.get(runtime)
    waits = queue if lab is not None and lab.type in QUEUES else 0
    return timeout + GRACE_S + waits


def _built_as(config: Config, build: Kbuild) -> dict[str, Any]:
    """Say how a kernel was built; what the node leaves open, its name tells."""
    named, said = config.built[build.name][0], build.data
    return {
        "arch": said.arch or named.arch,
        "compiler": said.compiler or named.compiler,
        "defconfig": said.defconfig or named.config,
        "config_full": said.config_full or named.config_full,
    }


def _artifacts(config: Config, test: Test, above: Node) -> dict[str, str]:
    wanted = IMAGES if isinstance(above, Kbuild) else (TARBALL,)
    found = {name: url for name, url in above.artifacts.items() if name in wanted}
    rootfs = config.rootfs.get(test.rootfs or "")
    arch = config.built[above.name][0].arch if isinstance(above, Kbuild) else ""
    for name in ("ramdisk", "nfsroot") if rootfs else ():
        if url := getattr(rootfs, name):
            found[name] = _for_arch(url, arch)
    return found


def _for_arch(url: str, arch: str) -> str:
    known = {"arch": arch, "debian": arch, "buildroot": arch, **ARCHS.get(arch, {})}
    return re.sub(r"\{\{ *(\w+) *\}\}", lambda m: known.get(m[1], m[0]), url)


def _params(config: Config, place: Placement) -> dict[str, Any]:
    """Return what the bridge is told: the test's word counts most."""
    params = config.tests[place.test].params
    if (lab := config.labs.get(place.lab)) and place.platform in config.platforms:
        there = lab.platforms[place.platform]
        of_platform = config.platforms[place.platform].params
        return {**of_platform, **(there.params if there else {}), **params}
    return dict(params)


def _device(config: Config, place: Placement) -> dict[str, Any]:
    platform = config.platforms.get(place.platform)
    if platform is None:
        return {}
    told = {"arch", "boot", "mach", "dtb", "compatible"}
    return platform.model_dump(mode="json", include=told, exclude_defaults=True)
