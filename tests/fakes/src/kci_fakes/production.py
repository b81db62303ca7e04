# SPDX-License-Identifier: LGPL-2.1-or-later
"""A made-up configuration of the size and format of KernelCI's production.

The sizes are those of its production of August 2026: 61 files, 441 jobs (185 of them
builds), 599 entries of the scheduler that make 1,659 pairs of job and platform (298 of
a runtime that is not defined), one build that brings 144 jobs.
"""

import random
from pathlib import Path
from typing import Any

import yaml

MAIN = "kbuild-gcc-14-arm64"
"""The build that most jobs need."""
MAIN_JOBS, MAIN_DENIED = 144, 31
BUILDS, TESTS, PLATFORMS, BRANCHES = 185, 256, 135, 126
ENTRIES_LAB, PAIRS_LAB = 391, 1176
ENTRIES_LOST, PAIRS_LOST = 23, 298
PLACES = 153
ARCHS = ["arm64", "arm64", "arm", "x86_64", "riscv"]
LABS = [f"lava-{number:02}" for number in range(12)] + ["pull-00", "pull-01"]
CHECKOUT = {"channel": "node", "kind": "checkout", "state": "available"}
LOST = "lava-gone"

Entry = dict[str, Any]


def write(folder: Path) -> None:
    """Write the files into a folder."""
    made = Production()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(40):
        some = {name: made.trees[name] for name in [*made.trees][number::40]}
        configs = {
            name: one for name, one in made.branches.items() if one["tree"] in some
        }
        _write(
            folder / "trees" / f"{number:02}.yaml", trees=some, build_configs=configs
        )
    for number in range(6):
        jobs = {name: made.jobs[name] for name in [*made.jobs][number::6]}
        _write(folder / f"jobs-{number}.yaml", jobs=jobs)
        _write(folder / f"scheduler-{number}.yaml", scheduler=made.entries[number::6])
        platforms = [*made.platforms][number::6]
        _write(
            folder / f"platforms-{number}.yaml",
            platforms={name: made.platforms[name] for name in platforms},
        )
    _write(folder / "runtimes.yaml", runtimes=made.runtimes)
    _write(folder / "rootfs.yaml", rootfs=made.rootfs)
    _write(folder / "fragments.yaml", fragments=made.fragments)


def _write(file: Path, **sections: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(sections, sort_keys=False))


class Production:
    """All sections; the same in each run."""

    def __init__(self) -> None:
        self._dice = random.Random(4)  # noqa: S311 - no secret
        self.trees = {
            f"tree-{number:02}": {"url": f"https://git.example.org/{number}/linux.git"}
            for number in range(60)
        }
        self.branches = {f"branch-{n:03}": self._branch(n) for n in range(BRANCHES)}
        self.fragments = {
            f"fragment-{n:02}": {
                "configs": [f"CONFIG_F{n}_{line}=y" for line in range(9)]
            }
            for n in range(25)
        }
        self.rootfs = {
            f"trixie-{n}": {"nfsroot": f"https://storage.example.org/{n}/{{debarch}}"}
            for n in range(6)
        }
        self.runtimes = self._runtimes()
        self.platforms = {f"board-{n:03}": self._platform(n) for n in range(PLATFORMS)}
        self.platforms |= {"kubernetes": {}}
        del self.platforms["board-000"]
        self.jobs: dict[str, Entry] = {}
        for number in range(BUILDS):
            name = MAIN if number == 0 else f"kbuild-{number:03}"
            self.jobs[name] = self._build(number)
        self.jobs |= {f"test-{n:03}": self._test(n) for n in range(TESTS)}
        self.places = self._places()
        self.entries = [*self._first(), *self._main(), *self._others(), *self._lost()]

    def _branch(self, number: int) -> Entry:
        branch: Entry = {"tree": f"tree-{number % 60:02}", "branch": f"for-{number}"}
        if number % 5 == 0:
            branch |= {"architectures": ["arm64"], "frequency": "1d12h"}
        return branch | ({"priority": "high"} if number % 7 == 0 else {})

    def _runtimes(self) -> dict[str, Entry]:
        callback = {"notify": {"callback": {"token": "kernelci-callback"}}}
        labs: dict[str, Entry] = {
            lab: {"lab_type": "lava", "url": f"https://{lab}.example.org/", **callback}
            | {"priority_min": 0, "priority_max": 49, "max_queue_depth": 50}
            for lab in LABS
        }
        for lab in LABS[-2:]:
            labs[lab] = {"lab_type": "pull_labs", "poll_interval": 60, **callback}
        labs["lava-00"]["rules"] = {"tree": ["!tree-59"]}
        labs["k8s-all"] = {"lab_type": "kubernetes", "context": ["one", "two"]}
        labs["docker"] = {"lab_type": "docker"}
        return labs | {"shell": {"lab_type": "shell"}}

    def _platform(self, number: int) -> Entry:
        arch = ARCHS[number % len(ARCHS)]
        platform: Entry = {"arch": arch, "boot_method": "u-boot", "mach": "acme"}
        platform["dtb"] = f"dtbs/acme/board-{number}.dtb"
        platform["compatible"] = [f"acme,board-{number}", "acme,soc"]
        if number % 40 == 1:
            platform["rules"] = {"min_version": {"version": 6, "patchlevel": 1}}
        return platform

    def _build(self, number: int) -> Entry:
        arch = ARCHS[number % len(ARCHS)]
        params: Entry = {"arch": arch, "compiler": "gcc-14", "defconfig": "defconfig"}
        params |= {"backend": "tuxmake", "cross_compile": f"{arch}-linux-gnu-"}
        # some of the first are copies that build the same
        if number == 0 or number >= 20:
            params["fragments"] = [f"fragment-{number % 25:02}", f"CONFIG_B{number}=y"]
        job = {"template": "kbuild.jinja2", "kind": "kbuild", "params": params}
        denied = {"rules": {"tree": ["!tree-58", "!tree-59"]}} if number % 3 else {}
        return job | {"image": f"gcc-14:{arch}", "priority": "high"} | denied

    def _test(self, number: int) -> Entry:
        params: Entry = {"test_method": "kselftest", "collections": f"set-{number}"}
        params |= {"job_timeout": 10 + number % 5, "rootfs_ref": f"trixie-{number % 6}"}
        job = {"template": "generic.jinja2", "kind": "job", "params": params}
        job |= {"kcidb_test_suite": f"kselftest.set-{number}", "priority": "medium"}
        if number % 12 == 5:
            job["rules"] = {"min_version": {"version": 6, "patchlevel": 7}}
        return job

    def _places(self) -> list[tuple[str, str]]:
        """Pair labs with platforms; each platform is in one lab at least."""
        names = [name for name in self.platforms if name.startswith("board")]
        places = [(LABS[n % len(LABS)], name) for n, name in enumerate(names)]
        while len(places) < PLACES:
            place = (self._dice.choice(LABS), self._dice.choice(names))
            if place not in places:
                places.append(place)
        return places

    def _of(self, arch: str) -> dict[str, list[str]]:
        """Return the platforms of an arch, by lab."""
        by_lab: dict[str, list[str]] = {}
        for lab, platform in self.places:
            if self.platforms[platform]["arch"] == arch:
                by_lab.setdefault(lab, []).append(platform)
        return by_lab

    def _first(self) -> list[Entry]:
        """List the entries after a checkout, and the only one after a job."""
        builds = [name for name in self.jobs if name.startswith("kbuild")][: BUILDS - 1]
        cluster = {"name": "k8s-all"}
        after = {"channel": "node", "kind": "job", "name": "test-000", "state": "done"}
        last = {"job": f"test-{TESTS - 1:03}", "event": after}
        return [
            *({"job": one, "event": CHECKOUT, "runtime": cluster} for one in builds),
            {**last, "runtime": {"type": "shell"}},
        ]

    def _main(self) -> list[Entry]:
        """List the entries after the main build; the last excludes a tree."""
        entries: list[Entry] = []
        rest, number = MAIN_JOBS + MAIN_DENIED, 0
        labs = self._of("arm64")
        while rest:
            lab = [*labs][number % len(labs)]
            most = min(rest, len(labs[lab]))
            if rest > MAIN_DENIED:
                most = min(most, rest - MAIN_DENIED)
            else:
                self.jobs[f"test-{number:03}"]["rules"] = {"tree": ["!tree-00"]}
            entries.append(_entry(f"test-{number:03}", MAIN, lab, labs[lab][:most]))
            rest, number = rest - most, number + 1
        for entry in entries:
            self.jobs[entry["job"]].setdefault("rules", {}).pop("min_version", None)
        return entries

    def _others(self) -> list[Entry]:
        entries: list[Entry] = []
        done = len(self._main())
        rest, left = PAIRS_LAB - MAIN_JOBS - MAIN_DENIED, ENTRIES_LAB - done
        while left:  # as many platforms as possible, but one at least for each entry
            number = done + len(entries)
            build = 1 + number % (BUILDS - 2)
            labs = self._of(ARCHS[build % len(ARCHS)])
            lab = [*labs][number // 7 % len(labs)]
            most = min(len(labs[lab]), rest - left + 1)
            test = f"test-{number % (TESTS - 1):03}"
            wide = labs[lab][:most]
            entries.append(_entry(test, f"kbuild-{build:03}", lab, wide))
            rest, left = rest - len(wide), left - 1
        assert rest == 0, rest
        return entries

    def _lost(self) -> list[Entry]:
        boards = [p for platforms in self._of("arm64").values() for p in platforms]
        sizes = [13] * ENTRIES_LOST
        sizes[-1] -= sum(sizes) - PAIRS_LOST
        return [
            _entry(f"test-{number:03}", MAIN, LOST, boards[:size])
            for number, size in enumerate(sizes)
        ]


def _entry(job: str, build: str, lab: str, platforms: list[str]) -> Entry:
    event = {"channel": "node", "kind": "kbuild", "name": build, "state": "available"}
    runtime = {"type": "lava", "name": lab}
    return {"job": job, "event": event, "runtime": runtime, "platforms": platforms}
