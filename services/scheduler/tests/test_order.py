# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plan is the same in whatever order things happen, and whoever does the work.

Two replicas hear the events of one tree in any order, some of them twice, at the same
time; calls fail before or after they had their effect; labs end jobs when they like.
What is there in the end is what a simple planner says that looks at everything.
"""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.config import Config
from kci_shared.errors import Unavailable

INFRA = 1
"""How often a job is repeated."""
NEEDS: dict[str, dict[str, str]] = {
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
BUILDS = {
    "build/gcc-12/x86_64/cloud": "build/deb",
    "build/gcc-13/x86_64/cloud": "build/deb",
    "build/gcc-12/x86_64/tools": "build/tools",
}
SITES = [("here", "pc"), ("here", "nuc"), ("there", "pc")]
ENDS = ["pass", "pass", "pass", "fail", "Infrastructure", "Canceled"]


def build(config: str, *compilers: str) -> dict[str, Any]:
    return {"external": True, "compiler": compilers, "arch": {"x86_64": config}}


CONFIG = Config.model_validate(
    {
        "builds": {
            "deb": build("cloud", "gcc-12", "gcc-13"),
            "tools": build("tools", "gcc-12"),
        },
        "tests": {
            name: {"needs": needs, "retry": {"infra": INFRA}}
            for name, needs in NEEDS.items()
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

    @property
    def is_final(self) -> bool:
        return not (
            self.site[0] and self.end == "Infrastructure" and self.attempt < INFRA
        )

    def is_on(self, platform: str) -> bool:
        return self.site[1] in ("", platform)

    def satisfies(self, state: str) -> bool:
        wanted = {"done": ENDS, "available": ["pass"]}.get(state, [state])
        return self.is_final and self.end in wanted


def way_up(name: str) -> list[str]:
    return [name, *way_up(next(iter(NEEDS[name])))] if name in NEEDS else [name]


def is_met(runs: list[Run], parent: Run, need: str, state: str, platform: str) -> bool:
    line = [parent, *parent.above]
    meeting = next((run for run in line if run.name in way_up(need)), None)
    return any(
        run.name == need
        and run.satisfies(state)
        and run.is_on(platform)
        and (meeting is None or meeting in (run, *run.above))
        for run in runs
    )


def next_runs(runs: list[Run], fate: Fate) -> list[Run]:
    wanted = []
    for run in runs:
        if not run.is_final:
            wanted.append((run.name, run.site, run.above, run.attempt + 1))
        for test, needs in NEEDS.items():
            (first, state), *others = needs.items()
            if run.name != first or not run.satisfies(state):
                continue
            wanted += [
                (test, site, (run, *run.above), 0)
                for site in SITES
                if run.site in (("", ""), site)
                and all(is_met(runs, run, *other, site[1]) for other in others)
            ]
    labels = [
        (f"{above[0].label}/{name}@{site[0]}:{site[1]}#{attempt}", *rest)
        for rest in wanted
        for name, site, above, attempt in [rest]
    ]
    return [
        Run(name, label, fate.of(label), above, site, attempt)
        for label, name, site, above, attempt in labels
    ]


def simple_plan(fate: Fate) -> list[str]:
    built = [Run(name, label, fate.of(label)) for label, name in BUILDS.items()]
    runs: dict[str, Run] = {run.label: run for run in built}
    while fresh := [
        run for run in next_runs([*runs.values()], fate) if run.label not in runs
    ]:
        runs |= {run.label: run for run in fresh}
    return sorted(runs)


# The world: the real planner, and everything that can go wrong around it.


@dataclass
class World:
    """One tree, two replicas, labs and builders."""

    api: Any
    fate: Fate
    chance: Random
    labels: dict[str, str] = field(default_factory=dict)

    def replica(self) -> Scheduler:
        flaky = Flaky(self.api, self.chance)
        return Scheduler(CONFIG, flaky, Closing(flaky))

    def label(self, node: Any) -> str:
        parent = self.api.nodes[node.parent]
        if node.kind == "kbuild":
            return str(node.name)
        at = f"{node.data.runtime}:{node.data.platform}#{node.retry_counter}"
        return f"{self.label(parent)}/{node.name}@{at}"

    def move(self, node: Any) -> None:
        """Let a node come one step nearer to its end."""
        label = self.label(node)
        end = self.fate.of(label)
        result = end if end in ("pass", "fail") else "incomplete"
        final = {"result": result, "data": {"error_code": end}}
        if node.state == "done":
            self.api.change(node, result=result, data={**final["data"], "findings": []})
        elif node.kind == "kbuild" and node.state == "running" and end == "pass":
            self.api.change(node, state="available", result="pass")
        elif self.fate.has_log(label):
            said = self.chance.choice(["pass", "incomplete"])
            log = {**node.artifacts, "log": "https://storage.example.org/log"}
            self.api.change(node, state="done", result=said, artifacts=log)
        else:
            self.api.change(node, state="done", **final)

    def unsettled(self) -> list[Any]:
        return [
            node
            for node in self.api.nodes.values()
            if node.kind in ("kbuild", "job")
            and (
                node.state != "done"
                or ("log" in node.artifacts and node.data.findings is None)
            )
        ]

    async def live(self) -> None:
        """Go on until every event was heard, and every node has come to its end."""
        replicas = [self.replica(), self.replica()]
        unheard: list[Any] = []
        told = 0
        while True:
            unheard += self.api.events[told:]
            told = len(self.api.events)
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
                if isinstance(outcome, Unavailable):
                    unheard.append(event)
                elif outcome is not None:
                    raise outcome


class Flaky:
    """The API, seen through a bad network."""

    def __init__(self, api: Any, chance: Random) -> None:
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


@settings(max_examples=10, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_the_plan_does_not_depend_on_the_order_of_events(
    fake_api: Any, seed: int
) -> None:
    api, fate = fake_api(), Fate(seed)
    root = api.submit(
        *({"name": name, "state": "running", "result": None} for name in BUILDS)
    )
    world = World(api, fate, Random(seed))  # noqa: S311 - no secret
    asyncio.run(world.live())
    below = [node for node in api.nodes.values() if node.kind != "checkout"]
    assert sorted(world.label(node) for node in below) == simple_plan(fate)
    closed = next(at for at, e in enumerate(api.events) if is_end_of(root, e))
    assert {event.data.op for event in api.events[closed:]} == {"updated"}


def is_end_of(node: Any, event: Any) -> bool:
    return bool(event.node_id == node.id and event.data.state == "done")
