# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drafts of legacy revisions and builds; pure."""

from collections.abc import Mapping
from typing import Any, TypedDict

from kci_import.fit import Draft
from kci_import.legacy.build_logs import BuildLog
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.fields import Fields, select
from kci_import.legacy.translate import draft, result_of, revision, url
from kci_shared.models import Kind, Result

COPIED_FROM_BUILD = (
    "compiler",
    "compiler_version",
    "compiler_version_ext",
    "compiler_version_full",
    "cross_compile",
    "kernel_version",
)
"""Fields of a revision that legacy copied from any one of its builds."""
ARTIFACTS = {
    "kernel_image": "kernel",
    "modules": "modules",
    "system_map": "system_map",
    "kernel_config": "_config",
    "dtb_dir": "dtbs",
}
"""Fields that name a file, and the names of our artifacts."""
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


class BuildSetup(TypedDict):
    """The fields of a kbuild's data that say what was built, and how."""

    arch: str | None
    defconfig: str | None
    config_full: str | None
    fragments: list[str] | None
    compiler: str | None
    toolchain: dict[str, str]


def checkout(reading: Reading, fields: Fields, result: Result) -> Draft:
    """Return the draft of a revision, which legacy calls a job.

    `fields` are those of the revision; `result` counts if the document has none.
    """
    status = reading.text("status")
    kernel, private = reading.text("kernel"), reading.take("private")
    reading.drop(*fields, *COPIED_FROM_BUILD)
    kernel_revision = revision(fields)
    differs = kernel_revision and kernel != kernel_revision.get("describe")
    return draft(
        reading,
        Kind.CHECKOUT,
        "checkout",
        result=result_of(status)[0] if status in ("PASS", "FAIL") else result,
        user_groups=["private"] if private else None,
        data={"kernel_revision": kernel_revision},
        legacy={"kernel": kernel if differs else None},
    )


def kbuild(
    reading: Reading,
    parent: str | None,
    ancestor: Fields,
    storage: str,
    log: BuildLog | None,
) -> Draft:
    """Return the draft of a build; `ancestor` holds the fields of its revision."""
    reading.drop("job_id")
    reading.inherit(ancestor)
    setup = _setup(reading)
    result, error_code = result_of(reading.text("status"))
    return draft(
        reading,
        Kind.KBUILD,
        _name(setup, setup["config_full"] or setup["defconfig"]),
        parent=parent,
        result=result,
        artifacts=_artifacts(reading, storage),
        data={
            **setup,
            **_measurements(reading),
            **_log(reading, log),
            "error_code": error_code,
        },
    )


def placeholder_kbuild(reading: Reading, parent: str | None, fields: Fields) -> Draft:
    """Return the draft of a build that is missing, from the fields of its tests."""
    document = {**select(fields, tuple(fields)), "_id": reading.id}
    setup = _setup(Reading(reading.collection, document))
    return draft(
        reading,
        Kind.KBUILD,
        _name(setup, setup["config_full"]),
        parent=parent,
        data=setup,
        legacy={"made": "its document was not in the dump"},
    )


def _name(setup: BuildSetup, config: str | None) -> str:
    parts = ("kbuild", setup["compiler"], setup["arch"], config)
    return "-".join(part for part in parts if part)


def _setup(reading: Reading) -> BuildSetup:
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
    compiler = environment or "-".join(part for part in (name, number) if part)
    return {
        "arch": reading.text("arch"),
        "defconfig": reading.text("defconfig"),
        "config_full": config,
        "fragments": _fragments(reading, config) or None,
        "compiler": compiler or None,
        "toolchain": {k: v for k, v in toolchain.items() if v},
    }


def _fragments(reading: Reading, config: str | None) -> list[str]:
    """Return the fragments in the configuration's name, and those in their field."""
    more = reading.take("kconfig_fragments") or []
    fragments = (config or "").split("+")[1:]
    fragments += [more] if isinstance(more, str) else more
    return [str(fragment) for fragment in fragments]


def _artifacts(reading: Reading, storage: str) -> dict[str, str]:
    server = reading.text("file_server_url") or storage
    folder = reading.text("file_server_resource")

    def url_of(file: str | None) -> str | None:
        return url(server, folder, file)

    urls = {ours: url_of(reading.text(theirs)) for theirs, ours in ARTIFACTS.items()}
    logs = [str(log) for log in reading.take("kernel_build_logs") or ()]
    if logs:
        reading.drop("build_log")
    for number, log in enumerate(logs or filter(None, [reading.text("build_log")])):
        step = log.rpartition("/")[2].removesuffix(".log")
        urls[f"build_log_{step}" if number else "build_log"] = url_of(log)
    return {name: url_ for name, url_ in urls.items() if url_}


def _measurements(reading: Reading) -> dict[str, Any]:
    """Return duration and sizes of a build, and the machine that built it."""
    platform = [str(part) for part in reading.take("build_platform") or ()]
    builder = dict(zip(("uname", "cpu"), platform[4:6], strict=False))
    sizes = {ours: reading.take(theirs) for theirs, ours in SIZES.items()}
    return {
        "duration_s": reading.take("build_time"),
        "builder": builder,
        "sizes": {name: size for name, size in sizes.items() if size is not None},
        "text_offset": reading.text("text_offset"),
    }


def _log(reading: Reading, log: BuildLog | None) -> Mapping[str, Any]:
    """Return what the build log shows; without its lines, the document's own counts."""
    counts = {name: reading.take(name) for name in ("errors", "warnings", "mismatches")}
    if log is None:
        return {"log_summary": {k: v for k, v in counts.items() if v is not None}}
    listed = sum(line["count"] for line in log["log_findings"])
    if (left_out := sum(log["log_summary"].values()) - listed) > 0:
        reading.note("log_findings", f"left out: {left_out} lines of the log")
    # an empty list: the log was parsed, and holds no fault of a kernel
    return {**log, "findings": []}
