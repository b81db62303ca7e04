# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills a bridge's replicas while jobs run: `python -m drill.bridges`."""

import argparse
import asyncio
import time
from collections.abc import Callable
from random import Random

from drill.bridges.killer import Killer
from drill.bridges.kubernetes import KubernetesDrill
from drill.bridges.lab import Lab
from drill.bridges.labgrid import LabgridDrill
from drill.bridges.lava import LavaDrill
from drill.bridges.local import LocalDrill
from drill.bridges.verdict import Outcome, faults
from drill.conclusion import conclude
from drill.system import System, running
from kci_local.clients import connect
from kci_local.parts import service_part, storage_part
from kci_local.processes import Process
from kci_local.site import Site
from kci_shared.models import Kind, NewNode

LABS: dict[str, Callable[[Site], Lab]] = {
    "kubernetes": KubernetesDrill,
    "labgrid": LabgridDrill,
    "lava": LavaDrill,
    "local": LocalDrill,
}
STALLED_S = 180
"""The drill gives up if no job ends for so long."""
PROGRESS_S = 10


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("drill.bridges", description=__doc__)
    parser.add_argument("--bridge", choices=LABS, default="local")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def drill(bridge: str, jobs: int, seed: int) -> list[str]:
    """Kill bridges while jobs run; return the faults found afterwards."""
    async with running() as system:
        lab = LABS[bridge](system.site)
        async with lab.running():
            await _start(system, storage_part(system.site), _scheduler(system))
            job_ids = await _post(system, lab, jobs)
            killed = await _run(system, lab, jobs, seed)
            outcome = await _outcome(system, lab, job_ids)
    print(
        f"{jobs} jobs, {len(killed)} kills, {outcome.runs.total()} runs in the lab;"
        f" {len(outcome.lost)} jobs ended because each attempt was killed"
    )
    return list(faults(outcome))


async def _run(system: System, lab: Lab, jobs: int, seed: int) -> list[str]:
    """Run all jobs while bridges are killed; return the names of those killed."""
    bridges = lab.bridges()
    names = [one.name for one in bridges]
    try:
        await _start(system, *bridges)
        killer = Killer(system, names, lab.longest_life_s, Random(seed))
        async with killer.killing():
            await _until_done(system, jobs, killer.killed)
        await system.start()
        for name in names:
            await system.processes.stop(name)
        return killer.killed
    finally:
        for name in names:
            await system.processes.kill(name)


async def _start(system: System, *parts: Process) -> None:
    system.parts |= {part.name: part for part in parts}
    await system.start()


def _scheduler(system: System) -> Process:
    """Return the scheduler, which ends jobs whose claims were lost too often."""
    part = service_part(system.site, "scheduler")
    part.env["KCI_SWEEP_EVERY"] = "1"
    return part


async def _post(system: System, lab: Lab, jobs: int) -> list[str]:
    """Create the nodes of all jobs; return their ids."""
    async with connect(system.site) as (api, storage):
        where = {"runtime": lab.runtime, "platform": lab.platform}
        job_ids = []
        for number in range(jobs):
            definition = await lab.definition(storage, number)
            node = NewNode(
                kind=Kind.JOB,
                name="smoke",
                data={**where, "definition": definition},
                idempotency_key=f"job/{number}",
            )
            job_ids.append((await api.create(node)).id)
        return job_ids


async def _until_done(system: System, jobs: int, killed: list[str]) -> None:
    """Wait until every job is done, or none has ended for `STALLED_S`."""
    seen, end = -1, time.monotonic() + STALLED_S
    query = {"kind": "job", "state": "done"}
    while seen < jobs and time.monotonic() < end:
        done = await system.database["node"].count_documents(query)
        if done != seen:
            seen, end = done, time.monotonic() + STALLED_S
            print(f"{done}/{jobs} done, {len(killed)} kills", flush=True)
        await asyncio.sleep(min(PROGRESS_S, 0.1 * (jobs - done)))


async def _outcome(system: System, lab: Lab, job_ids: list[str]) -> Outcome:
    nodes = await system.database["node"].find().to_list()
    history = await system.database["event"].find().to_list()
    runs, leftovers = await lab.runs(job_ids), await lab.leftovers()
    return Outcome(job_ids, nodes, history, runs, leftovers, lab.runs_anew)


def main() -> None:
    """Run a drill and report its faults."""
    arguments = parse_arguments()
    conclude(drill(arguments.bridge, arguments.jobs, arguments.seed), arguments.seed)


if __name__ == "__main__":
    main()
