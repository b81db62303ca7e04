# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees, fragments, root file systems, platforms and labs of the original as ours."""

import re
from typing import Any

from kci_config.upstream import rules
from kci_config.upstream.read import Upstream
from kci_config.upstream.report import Report, Sort

Entry = dict[str, Any]

BRANCH_KEYS = {"tree", "branch", "architectures", "frequency", "priority", "variants"}
PLATFORM_KEYS = {"arch", "boot_method", "mach", "dtb", "compatible", "rules", "params"}
LAB_KEYS = {
    "lab_type",
    "url",
    "priority_min",
    "priority_max",
    "max_queue_depth",
    "notify",
    "rules",
}
LAB_TYPES = {
    "lava": "lava",
    "pull_labs": "pull",
    "kubernetes": "kubernetes",
    "docker": "local",
    "shell": "local",
}
ARCHS = {
    "debarch": "debian",
    "brarch": "buildroot",
    "karch": "arch",
    "crosarch": "arch",
}


def trees(upstream: Upstream, report: Report) -> Entry:
    """Translate trees, and the branches of them that are watched."""
    found: Entry = {
        name: {"url": str(entry.get("url")), "branches": {}}
        for name, entry in upstream.entries("trees")
    }
    for name, entry in upstream.entries("build_configs"):
        where = f"build_configs.{name}"
        tree, branch = str(entry.get("tree")), str(entry.get("branch"))
        if tree not in found:
            report.tell(Sort.BROKEN, f"tree '{tree}' is not defined", where)
        elif "://" in branch:
            report.tell(Sort.LEFT_OUT, "a branch that an address names", where)
        elif branch in found[tree]["branches"]:
            report.tell(Sort.BROKEN, f"{tree}/{branch} is watched twice", where)
        else:
            found[tree]["branches"][branch] = _branch(entry)
        for key in entry.keys() - BRANCH_KEYS:
            report.tell(Sort.LEFT_OUT, f"'{key}' of a branch", where)
    return found


def _branch(entry: Entry) -> Entry:
    archs = rules.listed(entry.get("architectures"))
    return {
        **({"arch": archs} if archs else {}),
        **({"every": entry["frequency"]} if entry.get("frequency") else {}),
        **rules.priority(entry.get("priority")),
    }


def fragments(upstream: Upstream, report: Report) -> Entry:
    """Translate fragments whose lines are in the configuration itself."""
    found = {}
    for name, entry in upstream.entries("fragments"):
        found[name] = "\n".join(rules.listed(entry.get("configs")))
        if not entry.get("configs"):
            what = "a fragment whose lines are in a file of the kernel"
            report.tell(Sort.LEFT_OUT, what, f"fragments.{name}")
    return found


def rootfs(upstream: Upstream) -> Entry:
    """Translate the addresses of root file systems."""
    return {
        name: {
            kind: re.sub(
                r"\{(\w+)\}", lambda m: f"{{{{{ARCHS.get(m[1], m[1])}}}}}", entry[kind]
            )
            for kind in ("ramdisk", "nfsroot")
            if isinstance(entry.get(kind), str)
        }
        for name, entry in upstream.entries("rootfs")
    }


def platforms(upstream: Upstream, known: dict[str, set[str]], report: Report) -> Entry:
    """Translate platforms; what ours cannot say is handed to the bridge."""
    found = {}
    for name, entry in upstream.entries("platforms"):
        where = f"platforms.{name}"
        more = {key: entry[key] for key in entry.keys() - PLATFORM_KEYS}
        if "base_name" in more:
            more["device_type"] = more.pop("base_name")
        dtb = rules.listed(entry.get("dtb"))
        if len(dtb) > 1:
            report.tell(Sort.CHANGED, "of several device trees the first", where)
        told = {
            "arch": entry.get("arch"),
            "boot": entry.get("boot_method"),
            "mach": entry.get("mach"),
            "dtb": dtb[0].removeprefix("dtbs/") if dtb else None,
            "compatible": rules.listed(entry.get("compatible")),
            "when": _when_or_none(entry, known, report, where),
            "params": rules.plain({**more, **(entry.get("params") or {})}),
        }
        found[name] = {key: value for key, value in told.items() if value}
    return found


def labs(upstream: Upstream, known: dict[str, set[str]], report: Report) -> Entry:
    """Translate runtimes; their platforms come with the scheduler's entries."""
    found: Entry = {}
    for name, entry in upstream.entries("runtimes"):
        where = f"runtimes.{name}"
        kind = str(entry.get("lab_type"))
        if kind not in LAB_TYPES:
            report.tell(Sort.LEFT_OUT, f"runtimes of type '{kind}'", where)
            continue
        for key in entry.keys() - LAB_KEYS:
            report.tell(Sort.LEFT_OUT, f"'{key}' of a runtime: for its bridge", where)
        lowest, highest = entry.get("priority_min"), entry.get("priority_max")
        callback = (entry.get("notify") or {}).get("callback") or {}
        told = {
            "type": LAB_TYPES[kind],
            "url": entry.get("url"),
            "priority": None if highest is None else [lowest or 0, highest],
            "queue": entry.get("max_queue_depth"),
            "callback_token": callback.get("token"),
            "when": _when_or_none(entry, known, report, where),
        }
        found[name] = {key: value for key, value in told.items() if value}
        found[name] |= {"platforms": {}}
    return found


def _when_or_none(
    entry: Entry, known: dict[str, set[str]], report: Report, where: str
) -> Entry | None:
    try:
        return rules.when(entry.get("rules"), known, report, where)
    except rules.Never as never:
        report.tell(Sort.BROKEN, f"it can never be used: {never}", where)
        return {"kernel": "<0.0"}
