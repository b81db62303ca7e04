# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make the nodes of jobs."""

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
"""As numbers from 0 to 100; claims take the highest first."""
GRACE_S = 1800
"""Time that a bridge gets to fetch and store artifacts, besides the run itself."""
QUEUEING_LABS = (LabType.LAVA, LabType.KUBERNETES, LabType.PULL)
"""Labs that may hold a claimed job in a queue of their own."""
ARCHS = {
    "x86_64": {"debian": "amd64", "buildroot": "x86"},
    "i386": {"debian": "i386", "buildroot": "x86"},
    "arm64": {"debian": "arm64", "buildroot": "arm64"},
    "arm": {"debian": "armhf", "buildroot": "armel"},
    "riscv": {"debian": "riscv64", "buildroot": "riscv"},
}
"""Names of our architectures in URLs of root file systems."""


def first_attempt(
    config: Config,
    placement: Placement,
    parent: Node,
    build: Kbuild | None,
    now: datetime,
) -> NewNode:
    """Return the job of a test; one that cannot run is done, and incomplete."""
    test = config.tests[placement.test]
    revision = parent.data.kernel_revision
    data = {
        **(_built_as(config, build) if build else {}),
        "platform": placement.platform,
        "runtime": placement.lab,
        "priority": priority(config, test.priority, revision),
        "run_timeout": longest_run(config, placement.lab, test.timeout, test.queue),
    }
    new = NewNode(
        kind=test.kind,
        name=placement.test,
        group=test.group or placement.test,
        parent=parent.id,
        timeout=now + timedelta(seconds=test.queue),
    )
    if build is not None and KERNEL not in build.artifacts:
        data["error_code"] = ErrorCode.INVALID_JOB_PARAMS
        data["error_msg"] = f"{build.name} has no artifact '{KERNEL}'"
        ended = {"state": State.DONE, "result": Result.INCOMPLETE}
        return attempts.as_attempt(new.model_copy(update={**ended, "data": data}), 0)
    definition = Definition(
        artifacts=_artifacts(config, test, parent if build is None else build),
        tests=test.commands,
        timeout=test.timeout,
        template=test.template,
        params=_params(config, placement),
        device=_device(config, placement),
    )
    data["definition"] = definition.model_dump(mode="json", exclude_defaults=True)
    return attempts.as_attempt(new.model_copy(update={"data": data}), 0)


def next_attempt(config: Config, job: Job | Process, now: datetime) -> NewNode:
    """Return the next attempt at a job, beside the last one."""
    deadline = now + timedelta(seconds=config.tests[job.name].queue)
    return attempts.retry(job, deadline)


def priority(config: Config, own: Priority, revision: Revision | None) -> int:
    """Return the priority of the branch, else the build's or test's own."""
    tree = config.trees.get(revision.tree) if revision else None
    branch = tree.branches.get(revision.branch) if tree and revision else None
    of_branch = branch.priority if branch else None
    return PRIORITIES[of_branch or own]


def longest_run(config: Config, runtime: str, timeout: float, queue: float) -> float:
    """Return how long a claim may last, time in the lab's own queue included."""
    lab = config.labs.get(runtime)
    queued = queue if lab is not None and lab.type in QUEUEING_LABS else 0
    return timeout + GRACE_S + queued


def _built_as(config: Config, build: Kbuild) -> dict[str, Any]:
    """Return how a kernel was built; what the node lacks is taken from its name."""
    named, data = config.built[build.name][0], build.data
    return {
        "arch": data.arch or named.arch,
        "compiler": data.compiler or named.compiler,
        "defconfig": data.defconfig or named.config,
        "config_full": data.config_full or named.config_full,
    }


def _artifacts(config: Config, test: Test, above: Node) -> dict[str, str]:
    names = IMAGES if isinstance(above, Kbuild) else (TARBALL,)
    found = {name: url for name, url in above.artifacts.items() if name in names}
    rootfs = config.rootfs.get(test.rootfs or "")
    arch = config.built[above.name][0].arch if isinstance(above, Kbuild) else ""
    for name in ("ramdisk", "nfsroot") if rootfs else ():
        if url := getattr(rootfs, name):
            found[name] = _for_arch(url, arch)
    return found


def _for_arch(url: str, arch: str) -> str:
    names = {"arch": arch, "debian": arch, "buildroot": arch, **ARCHS.get(arch, {})}
    return re.sub(r"\{\{ *(\w+) *\}\}", lambda m: names.get(m[1], m[0]), url)


def _params(config: Config, placement: Placement) -> dict[str, Any]:
    """Merge the parameters of platform, lab and test; those of the test win."""
    params = config.tests[placement.test].params
    if (
        lab := config.labs.get(placement.lab)
    ) and placement.platform in config.platforms:
        in_lab = lab.platforms[placement.platform]
        of_platform = config.platforms[placement.platform].params
        return {**of_platform, **(in_lab.params if in_lab else {}), **params}
    return dict(params)


def _device(config: Config, placement: Placement) -> dict[str, Any]:
    platform = config.platforms.get(placement.platform)
    if platform is None:
        return {}
    fields = {"arch", "boot", "mach", "dtb", "compatible"}
    return platform.model_dump(mode="json", include=fields, exclude_defaults=True)
