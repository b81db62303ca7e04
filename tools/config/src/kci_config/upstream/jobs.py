# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs of the original as our builds and tests, whatever runs them."""

from typing import Any

from kci_config.upstream import rules
from kci_config.upstream.report import Report, Sort

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
FOR_US = {"backend", "cross_compile"}
"""Parameters of builds that a builder of ours works out by itself."""
TEST_PARAMS = {"rootfs_ref", "job_timeout"}


def is_build(job: Entry) -> bool:
    """Say whether a job builds a kernel."""
    return job.get("kind") == "kbuild"


def build(
    name: str, job: Entry, known: dict[str, set[str]], report: Report
) -> Entry | None:
    """Translate a job that builds; None if it cannot be."""
    where, params = f"jobs.{name}", job.get("params") or {}
    arch, compiler = params.get("arch"), params.get("compiler")
    configs = rules.listed(params.get("defconfig"))
    if not (arch and compiler and configs):
        report.tell(Sort.BROKEN, "a build without arch, compiler or defconfig", where)
        return None
    if any("/" in config for config in configs):
        report.tell(Sort.LEFT_OUT, "a configuration from outside the kernel", where)
        return None
    fragments = [*configs[1:], *rules.listed(params.get("fragments"))]
    unknown = [one for one in fragments if one not in known["fragments"]]
    for fragment in unknown:
        if "=" not in fragment and fragment not in configs:
            what = f"fragment '{fragment}' is not defined"
            report.tell(Sort.BROKEN, what, where)
    for key in params.keys() - BUILD_PARAMS - FOR_US:
        report.tell(Sort.LEFT_OUT, f"'{key}' of a build", where)
    told = {
        "compiler": [str(compiler)],
        "arch": {str(arch): configs[:1]},
        "fragments": fragments,
        "image": job.get("image"),
        "when": _when(job, known, report, where),
        **_timeout(params),
        **rules.priority(job.get("priority")),
    }
    return {key: value for key, value in told.items() if value}


def undefined_fragments(build: Entry, known: dict[str, set[str]]) -> list[str]:
    """Name the fragments of a build that must be made known: targets of make."""
    return [
        one
        for one in build.get("fragments", [])
        if "=" not in one and one not in known["fragments"]
    ]


def test(name: str, job: Entry, known: dict[str, set[str]], report: Report) -> Entry:
    """Translate a job that tests, but for where it runs and what it needs."""
    where, params = f"jobs.{name}", job.get("params") or {}
    for key in job.keys() - JOB_KEYS:
        report.tell(Sort.LEFT_OUT, f"'{key}' of a job", where)
    rootfs = params.get("rootfs_ref")
    if rootfs is not None and rootfs not in known["rootfs"]:
        what = f"root file system '{rootfs}' is not defined"
        report.tell(Sort.BROKEN, what, where)
        rootfs = None
    more = {key: value for key, value in params.items() if key not in TEST_PARAMS}
    told = {
        "template": template(job),
        "group": job.get("kcidb_test_suite"),
        "rootfs": rootfs,
        "kind": "process" if job.get("kind") == "process" else None,
        "params": rules.plain(
            more | ({"image": job["image"]} if "image" in job else {})
        ),
        "when": _when(job, known, report, where),
        **_timeout(params),
        **rules.priority(job.get("priority")),
    }
    return {key: value for key, value in told.items() if value}


def template(job: Entry) -> str:
    """Name a job's template as ours."""
    return str(job.get("template", "generic")).removesuffix(".jinja2")


def _when(job: Entry, known: dict[str, set[str]], report: Report, where: str) -> Entry:
    return rules.when(job.get("rules"), known, report, where)


def _timeout(params: Entry) -> Entry:
    minutes = params.get("job_timeout")
    return {"timeout": f"{minutes}m"} if isinstance(minutes, int) else {}
