# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translate trees, fragments, root file systems, platforms and labs."""

import re
from typing import Any

from kci_config.upstream import rules
from kci_config.upstream.read import Upstream
from kci_config.upstream.report import Category, Report

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
    translated: Entry = {
        name: {"url": str(entry.get("url")), "branches": {}}
        for name, entry in upstream.entries("trees")
    }
    for name, entry in upstream.entries("build_configs"):
        where = f"build_configs.{name}"
        tree, branch = str(entry.get("tree")), str(entry.get("branch"))
        if tree not in translated:
            report.add(Category.BROKEN, f"tree '{tree}' is not defined", where)
        elif "://" in branch:
            report.add(Category.LEFT_OUT, "a branch given by an address", where)
        elif branch in translated[tree]["branches"]:
            report.add(Category.BROKEN, f"{tree}/{branch} is watched twice", where)
        else:
            translated[tree]["branches"][branch] = _branch(entry)
        for key in entry.keys() - BRANCH_KEYS:
            report.add(Category.LEFT_OUT, f"'{key}' of a branch", where)
    return translated


def _branch(entry: Entry) -> Entry:
    archs = rules.listed(entry.get("architectures"))
    return {
        **({"arch": archs} if archs else {}),
        **({"every": entry["frequency"]} if entry.get("frequency") else {}),
        **rules.priority(entry.get("priority")),
    }


def fragments(upstream: Upstream, report: Report) -> Entry:
    """Translate fragments whose lines are in the configuration itself."""
    translated = {}
    for name, entry in upstream.entries("fragments"):
        translated[name] = "\n".join(rules.listed(entry.get("configs")))
        if not entry.get("configs"):
            what = "a fragment whose lines are in a file of the kernel"
            report.add(Category.LEFT_OUT, what, f"fragments.{name}")
    return translated


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


def platforms(
    upstream: Upstream, defined: dict[str, set[str]], report: Report
) -> Entry:
    """Translate platforms; what has no field here becomes a parameter."""
    translated = {}
    for name, entry in upstream.entries("platforms"):
        where = f"platforms.{name}"
        more = {key: entry[key] for key in entry.keys() - PLATFORM_KEYS}
        if "base_name" in more:
            more["device_type"] = more.pop("base_name")
        dtb = rules.listed(entry.get("dtb"))
        if len(dtb) > 1:
            report.add(
                Category.CHANGED,
                "only the first of several device trees is used",
                where,
            )
        fields = {
            "arch": entry.get("arch"),
            "boot": entry.get("boot_method"),
            "mach": entry.get("mach"),
            "dtb": dtb[0].removeprefix("dtbs/") if dtb else None,
            "compatible": rules.listed(entry.get("compatible")),
            "when": _when_or_none(entry, defined, report, where),
            "params": rules.plain({**more, **(entry.get("params") or {})}),
        }
        translated[name] = {key: value for key, value in fields.items() if value}
    return translated


def labs(upstream: Upstream, defined: dict[str, set[str]], report: Report) -> Entry:
    """Translate runtimes; the scheduler's entries add their platforms."""
    translated: Entry = {}
    for name, entry in upstream.entries("runtimes"):
        where = f"runtimes.{name}"
        kind = str(entry.get("lab_type"))
        if kind not in LAB_TYPES:
            report.add(Category.LEFT_OUT, f"runtimes of type '{kind}'", where)
            continue
        for key in entry.keys() - LAB_KEYS:
            report.add(
                Category.LEFT_OUT, f"'{key}' of a runtime: for its bridge", where
            )
        lowest, highest = entry.get("priority_min"), entry.get("priority_max")
        callback = (entry.get("notify") or {}).get("callback") or {}
        fields = {
            "type": LAB_TYPES[kind],
            "url": entry.get("url"),
            "priority": None if highest is None else [lowest or 0, highest],
            "queue": entry.get("max_queue_depth"),
            "callback_token": callback.get("token"),
            "when": _when_or_none(entry, defined, report, where),
        }
        translated[name] = {key: value for key, value in fields.items() if value}
        translated[name] |= {"platforms": {}}
    return translated


def _when_or_none(
    entry: Entry, defined: dict[str, set[str]], report: Report, where: str
) -> Entry | None:
    try:
        return rules.when(entry.get("rules"), defined, report, where)
    except rules.Never as never:
        report.add(Category.BROKEN, f"it can never be used: {never}", where)
        return {"kernel": "<0.0"}
