# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translates nodes to KCIDB rows; pure: equal nodes give equal rows."""

import re
from typing import Any, TypedDict

from kci_kcidb_bridge import text
from kci_kcidb_bridge.row_models import (
    EXCERPT_MAX_CHARS,
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
from kci_shared.rules.artifacts import CONFIGS, KCIDB, LOGS, log_url

COMMIT = re.compile(r"[0-9a-f]{40}")
PATCHSET = re.compile(r"([0-9a-f]{64})?")
"""Hash of the patches; empty without patches."""
MISC_FIELDS = (
    "error_code",
    "error_msg",
    "runtime",
    "device",
    "job_id",
    "test_source",
)
"""Fields of a node's data that are sent as `misc`."""
MEASUREMENT_LIMIT = 1e300
"""KCIDB's database overflows above."""


class RevisionFields(TypedDict, total=False):
    """The fields of a checkout's row that describe its revision."""

    tree_name: str
    git_repository_url: str | None
    git_repository_branch: str
    git_repository_branch_tip: bool | None
    git_commit_hash: str | None
    git_commit_name: str | None
    git_commit_tags: list[str] | None
    git_commit_message: str | None
    patchset_hash: str | None


class BuildOutcome(TypedDict, total=False):
    """The fields of a build's row that are known once it is final."""

    duration: float | None
    config_url: str | None
    log_url: str | None
    log_excerpt: str | None
    output_files: list[Resource] | None
    status: Status
    misc: dict[str, Any] | None


def row_id(origin: str, node: Node) -> str:
    """Return the id of a node's row."""
    return f"{origin}:{node.id}"


def checkout_row(origin: str, checkout: Checkout) -> CheckoutRow:
    """Translate a checkout; `valid` stays empty while it is unknown."""
    return CheckoutRow(
        id=row_id(origin, checkout),
        origin=origin,
        start_time=checkout.created,
        valid=is_valid(checkout),
        log_url=text.url(log_url(checkout)),
        misc=_misc(checkout) or None,
        **_revision(checkout.data.kernel_revision),
    )


def _revision(revision: Revision | None) -> RevisionFields:
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
    """Translate a build; its outcome and artifacts only once it is final."""
    data = kbuild.data
    return BuildRow(
        id=row_id(origin, kbuild),
        origin=origin,
        checkout_id=row_id(origin, checkout),
        start_time=kbuild.created,
        architecture=text.architecture(data.arch),
        compiler=data.compiler,
        config_name=data.config_full or data.defconfig,
        **_build_outcome(kbuild),
    )


def _build_outcome(kbuild: Kbuild) -> BuildOutcome:
    if not is_final(kbuild):
        return {}
    configs = [text.url(kbuild.artifacts.get(name)) for name in CONFIGS]
    return {
        "duration": _duration(kbuild),
        "config_url": next(filter(None, configs), None),
        "log_url": text.url(log_url(kbuild)),
        "log_excerpt": _excerpt(kbuild.data),
        "output_files": _files(kbuild, excluded=(*LOGS, *CONFIGS)),
        "status": status_of(kbuild, kbuild),
        "misc": _misc(kbuild) or None,
    }


def placeholder_build_row(
    origin: str, checkout: Checkout, arch: str | None
) -> BuildRow:
    """Return the build to which KCIDB attaches tests that need no kernel build."""
    architecture = text.architecture(arch)
    return BuildRow(
        id=f"{origin}:dummy_{checkout.id}_{architecture or 'none'}",
        origin=origin,
        checkout_id=row_id(origin, checkout),
        comment="stands for no build: what hangs here was run on the source",
        start_time=checkout.created,
        architecture=architecture,
        status=Status.SKIP,
    )


def test_row(origin: str, build: BuildRow, run: Node, node: Job | Test) -> TestRow:
    """Translate a job, or a test of it.

    `run` is the job, or another node that the test is part of. Artifacts of ancestors
    are not repeated for each test.
    """
    data = node.data
    platform = data.platform or getattr(run.data, "platform", None)
    runtime = getattr(run.data, "runtime", None)
    misc = {"runtime": runtime} if runtime is not None else {}
    return TestRow(
        id=row_id(origin, node),
        origin=origin,
        build_id=build.id,
        path=text.path(_path(run, node)),
        environment=Environment(misc={"platform": platform}) if platform else None,
        start_time=node.created,
        duration=_duration(node),
        number=_measurement(node),
        log_url=text.url(log_url(node)),
        log_excerpt=_excerpt(data),
        output_files=_files(node, excluded=LOGS),
        status=status_of(node, run),
        misc=misc | _misc(node) or None,
    )


def _path(run: Node, node: Node) -> list[str]:
    """Return a test's path, which begins with the name of its job or process."""
    below_run = node.path[len(run.path) :]
    return [run.name, *below_run] if isinstance(run, Job | Process) else below_run


def _misc(node: Node) -> dict[str, Any]:
    fields = {name: getattr(node.data, name, None) for name in MISC_FIELDS}
    return {name: value for name, value in fields.items() if value is not None}


def _excerpt(data: BuiltData) -> str | None:
    """Return the log at its faults, rather than its end."""
    excerpts = [found.excerpt or [found.headline] for found in data.findings or []]
    lines = text.clean("\n\n".join("\n".join(excerpt) for excerpt in excerpts))
    return lines[:EXCERPT_MAX_CHARS] or None


def _files(node: Node, excluded: tuple[str, ...]) -> list[Resource] | None:
    files = [
        Resource(name=text.file_name(name), url=url)
        for name, url in sorted(node.artifacts.items())
        if name not in (*excluded, KCIDB) and text.url(url)
    ]
    return files or None


def _duration(node: Node) -> float | None:
    """Return the run's seconds if the node has them; its age would include waiting."""
    return _number((node.data.model_extra or {}).get("duration"))


def _measurement(node: Job | Test) -> Number | None:
    """Return the measurement: a number, or LAVA's `{"value", "unit"}`."""
    measurement = (node.data.misc or {}).get("measurement")
    fields = measurement if isinstance(measurement, dict) else {"value": measurement}
    value, unit = _number(fields.get("value")), fields.get("unit")
    if value is None:
        return None
    return Number(value=value, unit=unit if isinstance(unit, str) else None)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < MEASUREMENT_LIMIT else None
