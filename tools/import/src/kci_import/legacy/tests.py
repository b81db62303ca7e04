# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ran on a build: groups of tests, their cases, and boots of before 2020."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.drafts import draft, url, verdict
from kci_import.legacy.fields import Facts, Reading, time_of
from kci_shared.models import ErrorCode, Kind, Result

MOST_EXCERPT = 60_000
"""How many characters of a log a test keeps."""
EPOCH = datetime.fromtimestamp(0, UTC)
SAME = ("arch", "defconfig")
RENAMED = {
    "defconfig_full": "config_full",
    "build_environment": "compiler",
    "lab_name": "runtime",
    "device_type": "platform",
}


def job(
    reading: Reading, parent: str | None, above: Facts, storage: str, result: Result
) -> Draft:
    """Say a group of tests, which ran as one job, or is a part of one."""
    reading.drop("parent_id", "build_id", "job_id", "sub_groups", "test_cases")
    resource = reading.text("file_server_resource")
    lab, device = reading.text("lab_name"), reading.text("device_type")
    reading.inherit(above)
    name = reading.text("name") or reading.text("suite_name") or "unnamed"
    misc = {ours: reading.text(ours) for ours in ("mach", "dtb", "endian", "board")}
    misc["kernel_warnings"] = reading.take("warnings")
    suites = _suites(reading.take("initrd_info"))
    reading.drop("kernel_image", "modules")
    ran = {**above, "lab_name": lab, "device_type": device}
    return draft(
        reading,
        Kind.JOB,
        name,
        parent=parent,
        group=reading.text("plan_variant") or name,
        result=result,
        artifacts=_logs(reading, url(storage, resource, lab), device),
        data={
            **placed(ran),
            "device": reading.text("board_instance"),
            "misc": {k: v for k, v in misc.items() if v not in (None, "")},
            "rootfs_url": reading.text("initrd"),
            "test_suites": suites or None,
            "test_source": suites[0].get("url") if len(suites) == 1 else None,
            "error_msg": reading.text("boot_result_description"),
            "duration_s": _duration(reading.take("time")),
            "index": reading.take("index"),
        },
    )


def test(reading: Reading, above: Facts, regression: str | None) -> Draft:
    """Say a case of a test."""
    group = reading.text("test_group_id")
    plan = reading.text("plan") or above.get("plan")
    reading.drop("regression_id", "test_case_path", "plan")
    reading.inherit(above)
    result, error_code = verdict(reading.text("status"))
    return draft(
        reading,
        Kind.TEST,
        reading.text("name") or "unnamed",
        parent=group,
        group=plan,
        result=result,
        data={
            **placed(above),
            **_excerpt(reading),
            "error_code": error_code,
            "measurements": reading.take("measurements") or None,
            "duration_s": _duration(reading.take("time")),
            "index": reading.take("index"),
            "regression": regression,
        },
    )


def boot(reading: Reading, parent: str | None, above: Facts, storage: str) -> Draft:
    """Say a boot of the years before booting was a test."""
    status, resource = reading.text("status"), reading.text("file_server_resource")
    lab, device = reading.text("lab_name"), reading.text("device_type")
    reading.drop("build_id", "job_id")
    reading.inherit(above)
    result, error_code = verdict(status)
    if result is Result.INCOMPLETE:
        error_code = ErrorCode.INFRASTRUCTURE
    names = ("mach", "dtb", "endian", "board", "qemu", "qemu_command", "load_addr")
    misc = {name: reading.text(name) for name in (*names, "initrd_addr", "dtb_addr")}
    job_url, path = reading.text("boot_job_url"), reading.text("boot_job_path")
    job_id = reading.text("boot_job_id")
    ran = {**above, "lab_name": lab, "device_type": device}
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
            **placed(ran),
            "error_code": error_code,
            "error_msg": reading.text("boot_result_description"),
            "device": reading.text("board_instance"),
            "job_id": job_id,
            "job_url": url(job_url, path, job_id) or job_url,
            "misc": {name: value for name, value in misc.items() if value},
            "duration_s": _duration(reading.take("time")),
        },
    )


def placed(above: Facts) -> dict[str, Any]:
    """Say what was tested and where, as our own jobs and tests do."""
    names = {**{name: name for name in SAME}, **RENAMED}
    found = {ours: above.get(theirs) for theirs, ours in names.items()}
    return {name: value for name, value in found.items() if value}


def _logs(
    reading: Reading, folder: str | None, device: str | None
) -> dict[str, str | None]:
    names = {
        "lava_log": reading.text("boot_log"),
        "lava_log_html": reading.text("boot_log_html"),
    }
    found = {name: url(folder, file) for name, file in names.items()}
    if device and any(found.values()):
        found["callback_data"] = url(folder, f"lava-json-{device}.json")
    return {name: there for name, there in found.items() if there}


def _suites(said: Any) -> list[dict[str, str]]:
    suites = said.get("tests_suites") if isinstance(said, Mapping) else None
    names = {"name": "name", "git_url": "url", "git_commit": "commit"}
    return [
        {ours: str(one[theirs]) for theirs, ours in names.items() if one.get(theirs)}
        for one in suites or ()
        if isinstance(one, Mapping)
    ]


def _excerpt(reading: Reading) -> dict[str, Any]:
    lines = [one for one in reading.take("log_lines") or () if isinstance(one, Mapping)]
    if not lines:
        return {}
    text = "\n".join(str(line.get("msg", "")) for line in lines)
    if len(text) > MOST_EXCERPT:
        reading.tell("log_lines", f"cut to {MOST_EXCERPT} characters of {len(text)}")
    return {
        "log_excerpt": text[:MOST_EXCERPT],
        "log_start": lines[0].get("dt"),
        "log_end": lines[-1].get("dt"),
    }


def _duration(value: Any) -> float | None:
    """Return seconds: legacy wrote how long as a time after 1970 began."""
    if isinstance(value, int | float):
        return float(value) or None
    at = time_of(value)
    return None if at is None else (at - EPOCH).total_seconds() or None
