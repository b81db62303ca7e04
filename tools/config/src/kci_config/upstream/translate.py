# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translate jobs and the scheduler's entries to builds, and to tests with needs.

An entry of the original (a job on several platforms of a lab) becomes a test that needs
the build, and that the lab takes on the same platforms. A job with entries for several
builds becomes several tests.
"""

import json
from typing import Any

from kci_config.upstream import entries, jobs, rules
from kci_config.upstream.read import Upstream
from kci_config.upstream.report import Category, Report

Entry = dict[str, Any]

ENTRY_KEYS = {"job", "event", "runtime", "platforms", "rules", "params"}
UNTRANSLATABLE = "cannot be translated"


class Lost(Exception):
    """An entry of the scheduler cannot be translated; the message says why."""

    def __init__(self, reason: str, category: Category = Category.BROKEN) -> None:
        super().__init__(reason)
        self.category = category


def translate(upstream: Upstream, report: Report) -> Entry:
    """Return the configuration as sections of ours."""
    return Translation(upstream, report).made()


class Translation:
    """The translation of one configuration, section by section."""

    def __init__(self, upstream: Upstream, report: Report) -> None:
        self._upstream = upstream
        self._report = report
        self._jobs = dict(upstream.entries("jobs"))
        self._defined = {
            "tree": {name for name, _ in upstream.entries("trees")},
            "fragments": {name for name, _ in upstream.entries("fragments")},
            "rootfs": {name for name, _ in upstream.entries("rootfs")},
        }
        self._of_job: dict[str, dict[str, str]] = {}
        """For each job the tests that it became: their content, and their names."""
        defined = self._defined
        self._made: Entry = {
            "trees": entries.trees(upstream, report),
            "fragments": entries.fragments(upstream, report),
            "rootfs": entries.rootfs(upstream),
            "platforms": entries.platforms(upstream, defined, report),
            "labs": entries.labs(upstream, defined, report),
            "builds": {},
            "templates": {},
            "tests": {},
        }

    def made(self) -> Entry:
        """Translate everything; builds first, because tests need them."""
        builds: list[Entry] = []
        tests: list[Entry] = []
        for entry in self._upstream.scheduler:
            job = self._jobs.get(str(entry.get("job")), {})
            (builds if jobs.is_build(job) else tests).append(entry)
        after_jobs = [one for one in tests if _event(one).get("kind") == "job"]
        for entry in [*builds, *(e for e in tests if e not in after_jobs), *after_jobs]:
            self._take(entry)
        scheduled = {str(entry.get("job")) for entry in self._upstream.scheduler}
        for name in sorted(self._jobs.keys() - scheduled):
            self._report.add(
                Category.LEFT_OUT, "a job that no entry runs", f"jobs.{name}"
            )
        return self._made

    def _take(self, entry: Entry) -> None:
        """Translate an entry, or report why that is impossible."""
        platforms = rules.listed(entry.get("platforms"))
        number = max(1, len(platforms))
        self._report.pairs += number
        where = f"{self._upstream.where(entry)} ({entry.get('job')})"
        for key in entry.keys() - ENTRY_KEYS:
            self._report.add(Category.LEFT_OUT, f"'{key}' of an entry", where)
        try:
            self._translate(entry, platforms, where)
        except (Lost, rules.Never) as lost:
            category = lost.category if isinstance(lost, Lost) else Category.BROKEN
            self._report.add(category, str(lost), where)
            self._report.drop_pairs(number, str(lost))

    def _translate(self, entry: Entry, platforms: list[str], where: str) -> None:
        name = str(entry.get("job"))
        if name not in self._jobs:
            raise Lost(f"job '{name}' is not defined")
        lab = self._runtime(entry.get("runtime") or {}, where)
        if jobs.is_build(self._jobs[name]):
            self._build(name, entry, lab)
        else:
            self._test(name, entry, lab, platforms)

    def _runtime(self, runtime: Entry, where: str) -> str:
        """Return the runtime of an entry, or the first of the type that it names."""
        if (name := runtime.get("name")) is not None:
            if name not in self._made["labs"]:
                raise Lost(f"runtime '{name}' is not defined")
            return str(name)
        kind = runtime.get("type")
        for lab, entry in self._upstream.entries("runtimes"):
            if entry.get("lab_type") == kind and lab in self._made["labs"]:
                what = f"any runtime of type '{kind}': always '{lab}'"
                self._report.add(Category.CHANGED, what, where)
                return lab
        raise Lost(f"no runtime is of type '{kind}'")

    def _build(self, name: str, entry: Entry, lab: str) -> None:
        if _event(entry).get("kind") != "checkout":
            raise Lost("a build that follows something other than a checkout")
        if name in self._made["builds"]:
            raise Lost("a duplicate entry")
        build = jobs.build(name, self._jobs[name], self._defined, self._report)
        if build is None:
            raise Lost(f"build '{name}' {UNTRANSLATABLE}")
        own = rules.when(entry.get("rules"), self._defined, self._report, name)
        build["when"] = rules.both(build.get("when", {}), own)
        for fragment in jobs.undefined_fragments(build, self._defined):
            self._made["fragments"].setdefault(fragment, "")
        self._made["builds"][name] = {**build, "run": lab}

    def _test(self, name: str, entry: Entry, lab: str, platforms: list[str]) -> None:
        needs = self._needs(_event(entry))
        test = jobs.test(name, self._jobs[name], self._defined, self._report)
        own = rules.when(entry.get("rules"), self._defined, self._report, name)
        test["when"] = rules.both(test.get("when", {}), own)
        params = test.get("params", {}) | rules.plain(entry.get("params") or {})
        test |= {"params": params, "needs": needs}
        if not platforms:
            test["run"] = lab
        ours = self._named(name, {key: value for key, value in test.items() if value})
        if not platforms:
            return
        for platform in platforms:
            if platform not in self._made["platforms"]:
                what = f"platform '{platform}' is not defined"
                self._report.add(Category.BROKEN, what, self._upstream.where(entry))
                self._report.drop_pairs(1, what)
                continue
            self._place(ours, lab, platform, needs)

    def _needs(self, event: Entry) -> Entry:
        """Translate the event that triggers an entry."""
        kind, name, state = event.get("kind"), event.get("name"), event.get("state")
        done = {"pass": "pass", "fail": "fail"}.get(str(event.get("result")), "done")
        required = done if state == "done" else "pass"
        if kind == "checkout" or name == "checkout":
            return {"checkout": "pass"}
        if name is None:
            raise Lost(f"it follows every {kind}", Category.LEFT_OUT)
        if kind == "kbuild" or jobs.is_build(self._jobs.get(name, {})):
            if name not in self._made["builds"]:
                raise Lost(f"it follows undefined build '{name}'")
            return {f"build/{name}": required}
        if name not in self._of_job:
            raise Lost(f"it follows undefined job '{name}'")
        return {next(iter(self._of_job[name].values())): required}

    def _named(self, job: str, test: Entry) -> str:
        """Add a test unless it exists; return its name."""
        variants = self._of_job.setdefault(job, {})
        key = json.dumps(test, sort_keys=True)
        if key not in variants:
            need = next(iter(test["needs"])).rpartition("/")[2]
            name = job if not variants else f"{job}--{need}"
            while name in self._made["tests"]:
                name += "+"
            variants[key] = name
            self._made["tests"][name] = test
            self._made["templates"].setdefault(test["template"], {})
        elif "run" in test:
            raise Lost("a duplicate entry")
        return variants[key]

    def _place(self, test: str, lab: str, platform: str, needs: Entry) -> None:
        """Let a lab take a test on a platform."""
        there = self._made["labs"][lab]["platforms"].setdefault(platform, {"tests": []})
        if test in there["tests"]:
            what = "a duplicate entry"
            self._report.add(Category.BROKEN, what, f"{test} on {platform} in {lab}")
            self._report.drop_pairs(1, what)
            return
        there["tests"].append(test)
        build = self._made["builds"].get(next(iter(needs)).removeprefix("build/"))
        archs = rules.listed(self._made["platforms"][platform].get("arch"))
        for arch in build["arch"] if build and archs else ():
            if arch not in archs:
                what = f"platform '{platform}' boots kernels of {arch}, too"
                self._report.add(Category.CHANGED, what, test)
                self._made["platforms"][platform]["arch"] = [*archs, arch]


def _event(entry: Entry) -> Entry:
    event = entry.get("event")
    return event if isinstance(event, dict) else {}
