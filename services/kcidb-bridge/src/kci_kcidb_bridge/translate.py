# SPDX-License-Identifier: LGPL-2.1-or-later
"""Say nodes in KCIDB's words; pure, and the same rows for the same nodes each time."""

import re
from typing import Any

from kci_kcidb_bridge import text
from kci_kcidb_bridge.rows import (
    BuildRow,
    CheckoutRow,
    Environment,
    Number,
    Resource,
    Status,
    TestRow,
)
from kci_kcidb_bridge.verdicts import is_final, is_valid, status_of
from kci_shared.models import (
    Checkout,
    Job,
    Kbuild,
    Node,
    Process,
    Revision,
    Test,
)
from kci_shared.models.data import BuiltData
from kci_shared.rules.artifacts import log_url

LOGS = frozenset({"log", "build_log"})
CONFIGS = ("_config", "config", "kernel_config")
COMMIT = re.compile(r"[0-9a-f]{40}")
PATCHSET = re.compile(r"([0-9a-f]{64})?")
"""The hash of the patches; empty when there are none."""
FACTS = ("error_code", "error_msg", "runtime", "device", "job_id", "test_source")
"""What of a node's data is kept as `misc`."""


def name_of(origin: str, node: Node) -> str:
    """Return the id that a node has at KCIDB."""
    return f"{origin}:{node.id}"


def checkout_row(origin: str, checkout: Checkout) -> CheckoutRow:
    """Say a checkout; its verdict only when there is one."""
    return CheckoutRow(
        id=name_of(origin, checkout),
        origin=origin,
        start_time=checkout.created,
        valid=is_valid(checkout),
        log_url=text.url(log_url(checkout)),
        misc=_facts(checkout) or None,
        **_revision(checkout.data.kernel_revision),
    )


def _revision(revision: Revision | None) -> dict[str, Any]:
    if revision is None:
        return {}
    commit, patchset = revision.commit, revision.patchset or ""
    return {
        "tree_name": revision.tree,
        "git_repository_url": text.git_url(revision.url),
        "git_repository_branch": revision.branch,
        "git_repository_branch_tip": revision.tip_of_branch,
        "git_commit_hash": commit if COMMIT.fullmatch(commit) else None,
        "git_commit_name": revision.describe,
        "git_commit_tags": revision.commit_tags or None,
        "git_commit_message": revision.commit_message,
        "patchset_hash": patchset if PATCHSET.fullmatch(patchset) else None,
    }


def build_row(origin: str, checkout: Checkout, kbuild: Kbuild) -> BuildRow:
    """Say a build; how it ended, and what it left, only when that is final."""
    said = kbuild.data
    return BuildRow(
        id=name_of(origin, kbuild),
        origin=origin,
        checkout_id=name_of(origin, checkout),
        start_time=kbuild.created,
        architecture=text.architecture(said.arch),
        compiler=said.compiler,
        config_name=said.config_full or said.defconfig,
        **(_build_end(kbuild) if is_final(kbuild) else {}),
    )


def _build_end(kbuild: Kbuild) -> dict[str, Any]:
    configs = [text.url(kbuild.artifacts.get(name)) for name in CONFIGS]
    return {
        "duration": _duration(kbuild),
        "config_url": next(filter(None, configs), None),
        "log_url": text.url(log_url(kbuild)),
        "log_excerpt": _excerpt(kbuild.data),
        "output_files": _files(kbuild, LOGS.union(CONFIGS)),
        "status": status_of(kbuild, kbuild),
        "misc": _facts(kbuild) or None,
    }


def no_build_row(origin: str, checkout: Checkout, arch: str | None) -> BuildRow:
    """Say the build that stands for none: a test that needs no kernel hangs there."""
    architecture = text.architecture(arch)
    return BuildRow(
        id=f"{origin}:dummy_{checkout.id}_{architecture or 'none'}",
        origin=origin,
        checkout_id=name_of(origin, checkout),
        comment="stands for no build: what hangs here was run on the source",
        start_time=checkout.created,
        architecture=architecture,
        status=Status.SKIP,
    )


def test_row(origin: str, build: BuildRow, run: Node, node: Job | Test) -> TestRow:
    """Say a job, or a test of it; `run` is the job, or what else the test is part of.

    Only what is the node's own: an ancestor's artifacts are not those of each test.
    """
    said = node.data
    platform = said.platform or getattr(run.data, "platform", None)
    own = {"runtime": getattr(run.data, "runtime", None)} | _facts(node)
    misc = {key: value for key, value in own.items() if value is not None}
    number = _measured(node)
    return TestRow(
        id=name_of(origin, node),
        origin=origin,
        build_id=build.id,
        path=text.path(_names(run, node)),
        environment=Environment(misc={"platform": platform}) if platform else None,
        start_time=node.created,
        duration=_duration(node),
        number=number,
        log_url=text.url(log_url(node)),
        log_excerpt=_excerpt(said),
        output_files=_files(node, LOGS),
        status=status_of(node, run),
        misc=misc or None,
    )


def _names(run: Node, node: Node) -> list[str]:
    """Return the path's names, of which the run's, if it is one, is the first."""
    own = node.path[len(run.path) :]
    return [run.name, *own] if isinstance(run, Job | Process) else own


def _facts(node: Node) -> dict[str, Any]:
    found = {name: getattr(node.data, name, None) for name in FACTS}
    return {name: value for name, value in found.items() if value is not None}


def _excerpt(said: BuiltData) -> str | None:
    """Return what the log says of the faults: not its end, which seldom is about it."""
    parts = [found.excerpt or [found.headline] for found in said.findings or []]
    lines = text.clean("\n\n".join("\n".join(part) for part in parts))
    return lines[: text.LONGEST_EXCERPT] or None


def _files(node: Node, beside: frozenset[str]) -> list[Resource] | None:
    files = [
        Resource(name=text.file_name(name), url=url)
        for name, url in sorted(node.artifacts.items())
        if name not in beside and text.url(url)
    ]
    return files or None


def _duration(node: Node) -> float | None:
    """Return the seconds it ran, if its bridge says so; a node's age counts waiting."""
    return _number((node.data.model_extra or {}).get("duration"))


def _measured(node: Job | Test) -> Number | None:
    """Return what was measured: a number, or `{"value", "unit"}` as LAVA has it."""
    said = (node.data.misc or {}).get("measurement")
    told = said if isinstance(said, dict) else {"value": said}
    value, unit = _number(told.get("value")), told.get("unit")
    if value is None:
        return None
    return Number(value=value, unit=unit if isinstance(unit, str) else None)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 else None
