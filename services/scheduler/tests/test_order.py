# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan does not depend on the order of events, nor on which replica handles them.

Two replicas get the events of one or two trees in any order, some of them twice, at the
same time. Calls fail before or after they took effect; builders and labs end their jobs
at any time. The result is what a simple planner plans that looks at all nodes.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scheduler_fakes import SchedulerApi

from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.config import Config
from kci_shared.errors import NotYet, Unavailable
from kci_shared.models import Checkout, Event, Job, Kbuild, Node, State

INFRA = 1
"""How often what was spoiled is repeated."""
FAIL = 1
"""How often a job that failed is repeated."""
NEEDS: dict[str, dict[str, str]] = {
    "style": {"checkout": "pass"},
    "boot": {"build/deb": "pass"},
    "login": {"build/deb": "pass"},
    "early": {"build/deb": "available"},
    "smoke": {"boot": "pass"},
    "after": {"boot": "done"},
    "sad": {"boot": "fail"},
    "both": {"login": "pass", "boot": "pass"},
    "tidy": {"boot": "done", "login": "pass"},
    "deep": {"smoke": "pass", "boot": "pass", "build/deb": "pass"},
    "cross": {"boot": "pass", "build/tools": "pass"},
}
ACROSS = {"cross"}
"""What looks at other builds of its tree."""
BUILDS = {
    "build/gcc-12/x86_64/cloud": "build/deb",
    "build/gcc-13/x86_64/cloud": "build/deb",
    "build/gcc-12/x86_64/tools": "build/tools",
}
SITES = [("here", "pc"), ("here", "nuc"), ("there", "pc")]
ENDS = ["pass", "pass", "pass", "fail", "Infrastructure", "Canceled"]


def build(config: str, *compilers: str) -> dict[str, Any]:
    return {
        "compiler": compilers,
        "arch": {"x86_64": config},
        "retry": {"infra": INFRA},
    }


def configured(needs: dict[str, dict[str, str]]) -> Config:
    return Config.model_validate(
        {
            "builds": {
                "deb": build("cloud", "gcc-12", "gcc-13"),
                "tools": build("tools", "gcc-12"),
            },
            "tests": {
                name: {
                    "needs": needs,
                    "retry": {"infra": INFRA, "fail": FAIL},
                    **({"run": "shell"} if "checkout" in needs else {}),
                }
                for name, needs in needs.items()
            },
            "platforms": {"pc": {"arch": "x86_64"}, "nuc": {"arch": "x86_64"}},
            "labs": {
                "here": {"type": "lava", "platforms": ["pc", "nuc"]},
                "there": {"type": "lava", "platforms": ["pc"]},
            },
        }
    )


class Fate:
    """How each thing ends, fixed from the start."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, run: str) -> str:
        return self._dice(run).choice(ENDS)

    def has_log(self, run: str) -> bool:
        return self._dice(f"log of {run}").random() < 0.5

    def _dice(self, run: str) -> Random:
        return Random(f"{self._seed} {run}")  # noqa: S311 - no secret


# The simple planner: it sees the whole tree at once, and nothing happens in between.


@dataclass(frozen=True)
class Run:
    """A build or a job that has ended."""

    name: str
    label: str
    end: str
    above: tuple["Run", ...] = ()
    site: tuple[str, str] = ("", "")
    attempt: int = 0
    failures: int = 0
    """Of earlier attempts."""

    @property
    def is_final(self) -> bool:
        if self.label.endswith("#same"):
            return True
        if self.end == "fail":
            return self.name.startswith("build/") or self.failures >= FAIL
        spoiled = self.attempt - self.failures
        return self.end != "Infrastructure" or spoiled >= INFRA

    def is_on(self, platform: str) -> bool:
        return self.site[1] in ("", "shell", platform)

    def satisfies(self, state: str) -> bool:
        if state == "available":
            return self.end == "pass"
        return self.is_final and self.end in (ENDS if state == "done" else [state])


@dataclass(frozen=True)
class SimplePlanner:
    needs: dict[str, dict[str, str]]
    fate: "Fate"

    def way_up(self, name: str) -> list[str]:
        if name not in self.needs:
            return [name]
        return [name, *self.way_up(next(iter(self.needs[name])))]

    def is_met(
        self, runs: list[Run], parent: Run, need: str, state: str, platform: str
    ) -> bool:
        line = [parent, *parent.above]
        way = self.way_up(need)
        meeting = next((run for run in line if run.name in way), None)
        return any(
            run.name == need
            and run.satisfies(state)
            and run.is_on(platform)
            and (meeting is None or meeting in (run, *run.above))
            for run in runs
        )

    def attempt(self, name: str, site: Any, above: Any, number: int, fails: int) -> Run:
        top = above[0].label if above else "checkout"
        label = f"{top}/{name}@{site[0]}:{site[1]}#{number}"
        return Run(name, label, self.fate.of(label), above, site, number, fails)

    def again(self, run: Run) -> Run:
        fails = run.failures + (run.end == "fail")
        number = run.attempt + 1
        if run.name.startswith("build/"):
            return self.built(run.label.rpartition("#")[0], number)
        return self.attempt(run.name, run.site, run.above, number, fails)

    def built(self, label: str, number: int = 0) -> Run:
        label = f"{label}#{number}"
        name = BUILDS[label.partition("#")[0]]
        return Run(name, label, self.fate.of(label), attempt=number)

    def next_runs(self, runs: list[Run]) -> list[Run]:
        new = [self.again(run) for run in runs if not run.is_final]
        for run in runs:
            for test, needs in self.needs.items():
                (first, state), *others = needs.items()
                if run.name != first or not run.satisfies(state):
                    continue
                new += [
                    self.attempt(test, site, (run, *run.above), 0, 0)
                    for site in SITES
                    if run.site in (("", ""), site)
                    and all(self.is_met(runs, run, *one, site[1]) for one in others)
                ]
        return new

    def plan(self, built: list[Run]) -> list[Run]:
        first = [self.attempt("style", ("shell", "shell"), (), 0, 0)]
        runs = {run.label: run for run in [*first, *built]}
        while fresh := [
            run for run in self.next_runs([*runs.values()]) if run.label not in runs
        ]:
            runs |= {run.label: run for run in fresh}
        return [*runs.values()]

    def one_tree(self) -> list[str]:
        """List all that there is below one checkout."""
        return sorted(run.label for run in self.plan([*map(self.built, BUILDS)]))

    def two_trees(self) -> list[str]:
        """List all that there is below two checkouts of the same sources."""
        first = self.plan([*map(self.built, BUILDS)])
        builds = [run for run in first if run.name.startswith("build/")]
        second = []
        for label in BUILDS:
            attempts = [run for run in builds if run.label.startswith(f"{label}#")]
            last = max(attempts, key=lambda run: run.attempt)
            if last.end in ("pass", "fail"):
                second.append(Run(last.name, f"{label}#same", last.end))
            else:  # the second checkout tries again where the first gave up
                second.append(self.built(label, last.attempt + 1))
        return sorted(run.label for run in [*first, *self.plan(second)])


# The world: the real planner, and everything that can go wrong around it.


@dataclass
class World:
    """Some trees, two replicas, labs and builders."""

    api: SchedulerApi
    fate: Fate
    chance: Random
    config: Config
    labels: dict[str, str] = field(default_factory=dict)

    def replica(self) -> Scheduler:
        flaky = Flaky(self.api, self.chance)
        return Scheduler(lambda: self.config, flaky, Closing(flaky))

    def label(self, node: Node) -> str:
        if isinstance(node, Kbuild):
            number = "same" if node.data.same_as else node.retry_counter
            return f"{node.name}#{number}"
        if not isinstance(node, Job):
            return "checkout"
        at = f"{node.data.runtime}:{node.data.platform}#{node.retry_counter}"
        return f"{self.label(self.api.nodes[str(node.parent)])}/{node.name}@{at}"

    def move(self, node: Kbuild | Job) -> None:
        """Let a node come one step nearer to its end."""
        label = self.label(node)
        end = self.fate.of(label)
        result = end if end in ("pass", "fail") else "incomplete"
        final: dict[str, Any] = {"result": result, "data": {"error_code": end}}
        if end == "pass":
            kernel = {**node.artifacts, "kernel": "https://storage.example.org/k"}
            final["artifacts"] = kernel
        if node.state == "done":
            self.api.change(
                node.id, **{**final, "data": {**final["data"], "findings": []}}
            )
        elif isinstance(node, Kbuild) and node.state == "running" and end == "pass":
            self.api.change(node.id, state="available", **final)
        elif self.fate.has_log(label):
            verdict = self.chance.choice(["pass", "incomplete"])
            log = {**node.artifacts, "log": "https://storage.example.org/log"}
            if verdict == "pass" and isinstance(node, Kbuild):
                log["kernel"] = "https://storage.example.org/k"
            self.api.change(node.id, state="done", result=verdict, artifacts=log)
        else:
            self.api.change(node.id, state="done", **final)

    def unsettled(self) -> list[Kbuild | Job]:
        return [
            node
            for node in self.api.nodes.values()
            if isinstance(node, Kbuild | Job)
            and (
                node.state != "done"
                or ("log" in node.artifacts and node.data.findings is None)
            )
        ]

    async def live(self) -> None:
        """Go on until every event was heard, and every node has come to its end."""
        replicas = [self.replica(), self.replica()]
        unheard: list[Event] = []
        heard = 0
        while True:
            unheard += self.api.events[heard:]
            heard = len(self.api.events)
            moving = self.unsettled()
            if not unheard and not moving:
                return
            self.chance.shuffle(unheard)
            batch = unheard[: self.chance.randint(0, 6)]
            del unheard[: len(batch)]
            batch += self.chance.choices(self.api.events, k=self.chance.randint(0, 2))
            for node in self.chance.sample(moving, min(len(moving), 4)):
                self.move(node)
            outcomes = await asyncio.gather(
                *(self.chance.choice(replicas).on_event(event) for event in batch),
                return_exceptions=True,
            )
            for event, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Unavailable | NotYet):
                    unheard.append(event)
                elif outcome is not None:
                    raise outcome


class Flaky:
    """The API, seen through a bad network."""

    def __init__(self, api: SchedulerApi, chance: Random) -> None:
        self._api = api
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            for _ in range(self._chance.randint(0, 3)):
                await asyncio.sleep(0)
            if self._chance.random() < 0.02:
                raise Unavailable("the request was lost")
            answer = await getattr(self._api, name)(*args, **kwargs)
            if self._chance.random() < 0.02:
                raise Unavailable("the answer was lost")
            return answer

        return call


def lived(api: SchedulerApi, seed: int, needs: dict[str, Any]) -> list[str]:
    """Let all happen that happens; return what there is in the end."""
    chance = Random(seed)  # noqa: S311 - no secret
    world = World(api, Fate(seed), chance, configured(needs))
    asyncio.run(world.live())
    return sorted(world.label(node) for node in api.nodes.values() if node.parent)


def submit(api: SchedulerApi) -> Checkout:
    return api.submit(artifacts={"tarball": "https://storage.example.org/linux.tgz"})


@settings(max_examples=10, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_the_plan_does_not_depend_on_the_order_of_events(seed: int) -> None:
    api = SchedulerApi()
    root = submit(api)
    assert lived(api, seed, NEEDS) == SimplePlanner(NEEDS, Fate(seed)).one_tree()
    closed = next(at for at, e in enumerate(api.events) if is_end_of(root, e))
    assert {event.data.op for event in api.events[closed:]} == {"updated"}


@settings(max_examples=10, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_no_kernel_is_built_twice_whoever_wants_it_when(seed: int) -> None:
    api = SchedulerApi()
    roots = [submit(api), submit(api)]
    alone = {name: NEEDS[name] for name in NEEDS.keys() - ACROSS}
    assert lived(api, seed, alone) == SimplePlanner(alone, Fate(seed)).two_trees()
    assert {api.checkout(root.id).state for root in roots} == {"done"}


def is_end_of(node: Node, event: Event) -> bool:
    return event.node_id == node.id and event.data.state is State.DONE
