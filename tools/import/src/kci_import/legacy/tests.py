# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drafts of legacy test groups, test cases, and boots of before 2020; pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.fields import Fields, time_of
from kci_import.legacy.translate import draft, result_of, url
from kci_shared.models import ErrorCode, Kind, Result

EXCERPT_MAX_CHARS = 60_000
EPOCH = datetime.fromtimestamp(0, UTC)
SETUP = {
    "arch": "arch",
    "defconfig": "defconfig",
    "defconfig_full": "config_full",
    "build_environment": "compiler",
    "lab_name": "runtime",
    "device_type": "platform",
}
"""Fields that say what was tested and where, and their names in our `data`."""
JOB_MISC = ("mach", "dtb", "endian", "board")
BOOT_MISC = (
    *JOB_MISC,
    "qemu",
    "qemu_command",
    "load_addr",
    "initrd_addr",
    "dtb_addr",
)
"""Fields that are kept in `data.misc`."""


def job(
    reading: Reading, parent: str | None, ancestor: Fields, storage: str, result: Result
) -> Draft:
    """Return the draft of a test group; `ancestor` holds the fields of its build."""
    reading.drop("parent_id", "build_id", "job_id", "sub_groups", "test_cases")
    resource = reading.text("file_server_resource")
    lab, device = reading.text("lab_name"), reading.text("device_type")
    reading.inherit(ancestor)
    name = reading.text("name") or reading.text("suite_name") or "unnamed"
    reading.drop("kernel_image", "modules")
    return draft(
        reading,
        Kind.JOB,
        name,
        parent=parent,
        group=reading.text("plan_variant") or name,
        result=result,
        artifacts=_logs(reading, url(storage, resource, lab), device),
        data={
            **setup_of({**ancestor, "lab_name": lab, "device_type": device}),
            **_root_file_system(reading),
            "device": reading.text("board_instance"),
            "misc": {**_misc(reading, JOB_MISC), **_kernel_warnings(reading)},
            "error_msg": reading.text("boot_result_description"),
            "duration_s": _duration_s(reading.take("time")),
            "index": reading.take("index"),
        },
    )


def test(reading: Reading, ancestor: Fields, regression: str | None) -> Draft:
    """Return the draft of a test case; `ancestor` holds its group's and build's fields.

    `regression` is the id of the regression that the test is part of.
    """
    group = reading.text("test_group_id")
    plan = reading.text("plan") or ancestor.get("plan")
    reading.drop("regression_id", "test_case_path", "plan")
    reading.inherit(ancestor)
    result, error_code = result_of(reading.text("status"))
    return draft(
        reading,
        Kind.TEST,
        reading.text("name") or "unnamed",
        parent=group,
        group=plan,
        result=result,
        data={
            **setup_of(ancestor),
            **_excerpt(reading),
            "error_code": error_code,
            "measurements": reading.take("measurements") or None,
            "duration_s": _duration_s(reading.take("time")),
            "index": reading.take("index"),
            "regression": regression,
        },
    )


def boot(reading: Reading, parent: str | None, ancestor: Fields, storage: str) -> Draft:
    """Return the draft of a boot, from the years before boots were tests."""
    status, resource = reading.text("status"), reading.text("file_server_resource")
    lab, device = reading.text("lab_name"), reading.text("device_type")
    reading.drop("build_id", "job_id")
    reading.inherit(ancestor)
    result, error_code = result_of(status)
    if result is Result.INCOMPLETE:
        error_code = ErrorCode.INFRASTRUCTURE
    return draft(
        reading,
        Kind.TEST,
        "boot",
        parent=parent,
        group="boot",
        result=result,
        retry_counter=max(0, int(reading.take("retries") or 0)),
        artifacts=_logs(reading, url(storage, resource, lab), None),
        data={
            **setup_of({**ancestor, "lab_name": lab, "device_type": device}),
            "error_code": error_code,
            "error_msg": reading.text("boot_result_description"),
            "device": reading.text("board_instance"),
            **_lab_job(reading),
            "misc": _misc(reading, BOOT_MISC),
            "duration_s": _duration_s(reading.take("time")),
        },
    )


def setup_of(fields: Fields) -> dict[str, Any]:
    """Return what was tested and where, as our jobs and tests name it."""
    setup = {ours: fields.get(theirs) for theirs, ours in SETUP.items()}
    return {name: value for name, value in setup.items() if value}


def _misc(reading: Reading, names: tuple[str, ...]) -> dict[str, str]:
    misc = {name: reading.text(name) for name in names}
    return {name: value for name, value in misc.items() if value}


def _kernel_warnings(reading: Reading) -> dict[str, Any]:
    warnings = reading.take("warnings")
    return {} if warnings in (None, "") else {"kernel_warnings": warnings}


def _root_file_system(reading: Reading) -> dict[str, Any]:
    """Return the root file system that a job booted, and the test suites in it."""
    suites = _suites(reading.take("initrd_info"))
    return {
        "rootfs_url": reading.text("initrd"),
        "test_suites": suites or None,
        "test_source": suites[0].get("url") if len(suites) == 1 else None,
    }


def _lab_job(reading: Reading) -> dict[str, str | None]:
    """Return id and URL of the lab's own job."""
    job_url, path = reading.text("boot_job_url"), reading.text("boot_job_path")
    job_id = reading.text("boot_job_id")
    return {"job_id": job_id, "job_url": url(job_url, path, job_id) or job_url}


def _logs(reading: Reading, folder: str | None, device: str | None) -> dict[str, str]:
    """Return the URLs of the lab's files about a run."""
    files = {
        "lava_log": reading.text("boot_log"),
        "lava_log_html": reading.text("boot_log_html"),
    }
    urls = {name: url(folder, file) for name, file in files.items()}
    if device and any(urls.values()):
        urls["callback_data"] = url(folder, f"lava-json-{device}.json")
    return {name: url_ for name, url_ in urls.items() if url_}


def _suites(initrd_info: Any) -> list[dict[str, str]]:
    """Return name and source of the test suites in a root file system."""
    info = initrd_info if isinstance(initrd_info, Mapping) else {}
    names = {"name": "name", "git_url": "url", "git_commit": "commit"}
    return [
        {ours: str(suite[name]) for name, ours in names.items() if suite.get(name)}
        for suite in info.get("tests_suites") or ()
        if isinstance(suite, Mapping)
    ]


def _excerpt(reading: Reading) -> dict[str, Any]:
    lines = [
        line for line in reading.take("log_lines") or () if isinstance(line, Mapping)
    ]
    if not lines:
        return {}
    text = "\n".join(str(line.get("msg", "")) for line in lines)
    if len(text) > EXCERPT_MAX_CHARS:
        reading.note(
            "log_lines", f"cut from {len(text)} to {EXCERPT_MAX_CHARS} characters"
        )
    return {
        "log_excerpt": text[:EXCERPT_MAX_CHARS],
        "log_start": lines[0].get("dt"),
        "log_end": lines[-1].get("dt"),
    }


def _duration_s(value: Any) -> float | None:
    """Return seconds; legacy stored durations as times after 1970-01-01."""
    if isinstance(value, int | float):
        return float(value) or None
    at = time_of(value)
    return None if at is None else (at - EPOCH).total_seconds() or None
