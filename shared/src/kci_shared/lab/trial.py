# SPDX-License-Identifier: LGPL-2.1-or-later
"""`--check --job`: boots given images in the lab, without a node in the API."""

import asyncio
import secrets
from datetime import UTC, datetime

from kci_shared.lab.errors import LabError
from kci_shared.models import NODE, Node, Result
from kci_shared.rules.artifacts import LOG
from kci_shared.storage import Storage
from kci_shared.work import BridgeSettings, Dialect, LabJob, RunOutcome
from kci_shared.work.artifacts import Artifacts
from kci_shared.work.probes import Probe, bad, good
from kci_shared.work.workspace import Workspace

IMAGES = ("kernel", "ramdisk")
QUEUE_S = 1200.0
"""How long the job may wait for a device."""
LIMIT_S = 1200.0
"""How long it may run."""
TESTS = [{"id": "uname", "run": "uname -a"}]


async def try_job(
    settings: BridgeSettings, dialect: Dialect, urls: list[str]
) -> list[Probe]:
    """Boot a kernel, and a ramdisk if given, on the first platform that is free."""
    free = [platform for platform, count in (await dialect.slots()).items() if count]
    if not free:
        return [bad("job", "no device is free for it", "try again later")]
    async with Storage.connect(settings) as storage:
        artifacts = Artifacts(storage, settings.cache / "artifacts")
        with Workspace.open(settings.runs) as workspace:
            node = _node(settings.runtime, free[0], urls)
            with workspace.run(node.id, 1) as folder:
                remote = dialect.is_remote
                own = {} if remote else dict(zip(IMAGES, urls, strict=False))
                images = await artifacts.fetch(own)
                outcome = await _run(dialect, LabJob(node, 1, folder, images))
                stored = await artifacts.store(outcome.files)
    return [judge(free[0], outcome, stored.get(LOG))]


async def _run(dialect: Dialect, job: LabJob) -> RunOutcome:
    """Run a job; whatever happens, its device is released."""
    try:
        async with asyncio.timeout(QUEUE_S):
            handle = await dialect.submit(job)
    except TimeoutError:
        raise LabError(f"no device was free within {QUEUE_S:g} s") from None
    running = asyncio.create_task(dialect.wait(job, handle))
    try:
        async with asyncio.timeout(LIMIT_S):
            return await asyncio.shield(running)
    except TimeoutError:
        raise LabError(f"{handle} has not ended within {LIMIT_S:g} s") from None
    finally:
        if not running.done():
            await dialect.cancel(handle)
            await asyncio.gather(running, return_exceptions=True)


def judge(platform: str, outcome: RunOutcome, log: str | None) -> Probe:
    """Return what the outcome of the job says about the lab."""
    where = f"on {outcome.device or platform}; log: {log or 'none'}"
    if outcome.result is Result.PASS:
        return good("job", f"booted and answered {where}")
    message = f"{outcome.error_code or outcome.result}: {outcome.error_msg} {where}"
    if outcome.result is Result.FAIL:
        return bad(
            "job", message, "the lab did its part: is the kernel for this board?"
        )
    return bad("job", message, "see the lab's own log, and the board")


def _node(runtime: str, platform: str, urls: list[str]) -> Node:
    definition = {
        "artifacts": dict(zip(IMAGES, urls, strict=False)),
        "tests": TESTS,
        "timeout": LIMIT_S,
    }
    data = {"runtime": runtime, "platform": platform, "definition": definition}
    now = datetime.now(UTC)
    return NODE.validate_python(
        {
            "id": secrets.token_hex(12),
            "kind": "job",
            "name": "check",
            "owner": runtime,
            "created": now,
            "updated": now,
            "data": data,
        }
    )
