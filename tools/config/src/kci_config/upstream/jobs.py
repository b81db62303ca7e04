# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translate jobs to builds and tests, without where they run."""

from typing import Any

from kci_config.upstream import rules
from kci_config.upstream.report import Category, Report

Entry = dict[str, Any]

JOB_KEYS = {
    "template",
    "kind",
    "image",
    "params",
    "rules",
    "priority",
    "kcidb_test_suite",
}
BUILD_PARAMS = {"arch", "compiler", "defconfig", "fragments", "job_timeout"}
IMPLIED = {"backend", "cross_compile"}
"""Parameters of builds that our builder finds by itself."""
TEST_PARAMS = {"rootfs_ref", "job_timeout"}


def is_build(job: Entry) -> bool:
    """Tell whether a job builds a kernel."""
    return job.get("kind") == "kbuild"


def build(
    name: str, job: Entry, defined: dict[str, set[str]], report: Report
) -> Entry | None:
    """Translate a job that builds; return None if that is impossible."""
    where, params = f"jobs.{name}", job.get("params") or {}
    arch, compiler = params.get("arch"), params.get("compiler")
    configs = rules.listed(params.get("defconfig"))
    if not (arch and compiler and configs):
        what = "a build without arch, compiler or defconfig"
        report.add(Category.BROKEN, what, where)
        return None
    if any("/" in config for config in configs):
        report.add(Category.LEFT_OUT, "a configuration from outside the kernel", where)
        return None
    for key in params.keys() - BUILD_PARAMS - IMPLIED:
        report.add(Category.LEFT_OUT, f"'{key}' of a build", where)
    fields = {
        "compiler": [str(compiler)],
        "arch": {str(arch): configs[:1]},
        "fragments": _fragments(params, defined, report, where),
        "image": job.get("image"),
        "when": _when(job, defined, report, where),
        **_timeout(params),
        **rules.priority(job.get("priority")),
    }
    return {key: value for key, value in fields.items() if value}


def _fragments(
    params: Entry, defined: dict[str, set[str]], report: Report, where: str
) -> list[str]:
    """Return further configurations and the fragments; report undefined ones."""
    configs = rules.listed(params.get("defconfig"))
    fragments = [*configs[1:], *rules.listed(params.get("fragments"))]
    for one in fragments:
        if not (one in defined["fragments"] or "=" in one or one in configs):
            what = f"fragment '{one}' is not defined"
            report.add(Category.BROKEN, what, where)
    return fragments


def undefined_fragments(build: Entry, defined: dict[str, set[str]]) -> list[str]:
    """List the fragments of a build that nothing defines: targets of make."""
    return [
        one
        for one in build.get("fragments", [])
        if "=" not in one and one not in defined["fragments"]
    ]


def test(name: str, job: Entry, defined: dict[str, set[str]], report: Report) -> Entry:
    """Translate a job that tests, without where it runs and what it needs."""
    where, params = f"jobs.{name}", job.get("params") or {}
    for key in job.keys() - JOB_KEYS:
        report.add(Category.LEFT_OUT, f"'{key}' of a job", where)
    rootfs = params.get("rootfs_ref")
    if rootfs is not None and rootfs not in defined["rootfs"]:
        what = f"root file system '{rootfs}' is not defined"
        report.add(Category.BROKEN, what, where)
        rootfs = None
    more = {key: value for key, value in params.items() if key not in TEST_PARAMS}
    fields = {
        "template": template(job),
        "group": job.get("kcidb_test_suite"),
        "rootfs": rootfs,
        "kind": "process" if job.get("kind") == "process" else None,
        "params": rules.plain(
            more | ({"image": job["image"]} if "image" in job else {})
        ),
        "when": _when(job, defined, report, where),
        **_timeout(params),
        **rules.priority(job.get("priority")),
    }
    return {key: value for key, value in fields.items() if value}


def template(job: Entry) -> str:
    """Return the name of a job's template here."""
    return str(job.get("template", "generic")).removesuffix(".jinja2")


def _when(
    job: Entry, defined: dict[str, set[str]], report: Report, where: str
) -> Entry:
    return rules.when(job.get("rules"), defined, report, where)


def _timeout(params: Entry) -> Entry:
    minutes = params.get("job_timeout")
    return {"timeout": f"{minutes}m"} if isinstance(minutes, int) else {}
