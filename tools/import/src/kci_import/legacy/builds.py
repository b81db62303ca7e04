# SPDX-License-Identifier: LGPL-2.1-or-later
"""Revisions and builds."""

from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.drafts import draft, revision, url, verdict
from kci_import.legacy.fields import Facts, Reading, facts
from kci_shared.models import Kind, Result

COPIED = (
    *("compiler", "compiler_version", "compiler_version_ext"),
    *("compiler_version_full", "cross_compile", "kernel_version"),
)
"""On a revision: taken from one of its builds, by chance."""
ARTIFACTS = {
    "kernel_image": "kernel",
    "modules": "modules",
    "system_map": "system_map",
    "kernel_config": "_config",
    "dtb_dir": "dtbs",
}
SIZES = {
    "vmlinux_bss_size": "bss",
    "vmlinux_data_size": "data",
    "vmlinux_file_size": "file",
    "vmlinux_text_size": "text",
    "kernel_image_size": "kernel",
    "modules_size": "modules",
    "system_map_size": "system_map",
    "kernel_config_size": "_config",
    "build_log_size": "build_log",
}


def checkout(reading: Reading, said: Facts, result: Result) -> Draft:
    """Say a revision, which legacy calls a job."""
    status = reading.text("status")
    kernel, private = reading.text("kernel"), reading.take("private")
    reading.drop(*said, *COPIED)
    found = revision(said)
    differs = found and kernel != found.get("describe")
    return draft(
        reading,
        Kind.CHECKOUT,
        "checkout",
        result=verdict(status)[0] if status in ("PASS", "FAIL") else result,
        user_groups=["private"] if private else None,
        data={"kernel_revision": found},
        legacy={"kernel": kernel if differs else None},
    )


def kbuild(
    reading: Reading,
    parent: str | None,
    above: Facts,
    storage: str,
    log: dict[str, Any] | None,
) -> Draft:
    """Say a build."""
    reading.drop("job_id")
    reading.inherit(above)
    own = _build_facts(reading)
    full = own["config_full"] or own["defconfig"]
    names = ("kbuild", own["compiler"], own["arch"], full)
    result, error_code = verdict(reading.text("status"))
    return draft(
        reading,
        Kind.KBUILD,
        "-".join(name for name in names if name),
        parent=parent,
        result=result,
        artifacts=_artifacts(reading, storage),
        data={
            **own,
            **_figures(reading),
            **_log(reading, log),
            "error_code": error_code,
        },
    )


def made_kbuild(reading: Reading, parent: str | None, said: Facts) -> Draft:
    """Say a build of which only its tests tell."""
    ghost = Reading(reading.collection, {**facts(said, tuple(said)), "_id": reading.id})
    own = _build_facts(ghost)
    names = ("kbuild", own["compiler"], own["arch"], own["config_full"])
    name = "-".join(name for name in names if name)
    more = {"made": "its document was not in the dump"}
    return draft(reading, Kind.KBUILD, name, parent=parent, data=own, legacy=more)


def _build_facts(reading: Reading) -> dict[str, Any]:
    name, number = reading.text("compiler"), reading.text("compiler_version")
    full = reading.text("compiler_version_full")
    older = reading.text("compiler_version_ext")
    config = reading.text("defconfig_full")
    environment = reading.text("build_environment")
    toolchain = {
        "name": name,
        "version": number,
        "version_full": full or older,
        "cross_compile": reading.text("cross_compile"),
    }
    fragments = (config or "").split("+")[1:]
    more = reading.take("kconfig_fragments") or []
    fragments += [more] if isinstance(more, str) else more
    return {
        "arch": reading.text("arch"),
        "defconfig": reading.text("defconfig"),
        "config_full": config,
        "fragments": [str(one) for one in fragments] or None,
        "compiler": environment
        or "-".join(one for one in (name, number) if one)
        or None,
        "toolchain": {k: v for k, v in toolchain.items() if v},
    }


def _artifacts(reading: Reading, storage: str) -> dict[str, str | None]:
    server = reading.text("file_server_url") or storage
    folder = reading.text("file_server_resource")

    def at(value: str | None) -> str | None:
        return url(server, folder, value)

    found = {ours: at(reading.text(theirs)) for theirs, ours in ARTIFACTS.items()}
    logs = [str(one) for one in reading.take("kernel_build_logs") or ()]
    if logs:
        reading.drop("build_log")
    for number, log in enumerate(logs or filter(None, [reading.text("build_log")])):
        step = log.rpartition("/")[2].removesuffix(".log")
        found[f"build_log_{step}" if number else "build_log"] = at(log)
    return {name: there for name, there in found.items() if there}


def _figures(reading: Reading) -> dict[str, Any]:
    platform = [str(one) for one in reading.take("build_platform") or ()]
    builder = dict(zip(("uname", "cpu"), platform[4:6], strict=False))
    sizes = {ours: reading.take(theirs) for theirs, ours in SIZES.items()}
    return {
        "duration_s": reading.take("build_time"),
        "builder": builder,
        "sizes": {name: size for name, size in sizes.items() if size is not None},
        "text_offset": reading.text("text_offset"),
    }


def _log(reading: Reading, log: dict[str, Any] | None) -> dict[str, Any]:
    """Say what the build's log showed: counted anew, if its lines are known."""
    said = {name: reading.take(name) for name in ("errors", "warnings", "mismatches")}
    if log is None:
        return {"log_summary": {k: v for k, v in said.items() if v is not None}}
    listed = sum(one["count"] for one in log["log_findings"])
    if (left := sum(log["log_summary"].values()) - listed) > 0:
        reading.tell("log_findings", f"{left} lines of the log left out: too many")
    return {**log, "findings": []}  # the log was read, and no kernel ran in it
