# SPDX-License-Identifier: LGPL-2.1-or-later
"""Start a job that does not end, as a bridge does, and wait to be killed.

usage: bridge_to_kill.py LAB-FILE RUNTIME RUNS NODE-FILE KERNEL RAMDISK
"""

import asyncio
import sys
from pathlib import Path

from kci_labgrid_bridge.dialect import LabgridLab
from kci_labgrid_bridge.lab_file import read_lab
from kci_shared.models import NODE
from kci_shared.work import LabJob
from kci_shared.work.workspace import Workspace


async def main() -> None:
    lab_file, runtime, runs, node_file, kernel, ramdisk = sys.argv[1:]
    node = NODE.validate_json(Path(node_file).read_text())
    images = {"kernel": Path(kernel), "ramdisk": Path(ramdisk)}
    dialect = LabgridLab(read_lab(Path(lab_file)), runtime, Path(runs))
    with (
        Workspace.open(Path(runs)) as workspace,
        workspace.run(node.id, 1) as folder,
    ):
        job = LabJob(node, attempt=1, folder=folder, images=images)
        await dialect.wait(job, await dialect.submit(job))


asyncio.run(main())
