# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a lab boots and runs for a job."""

from kci_shared.models import Definition
from kci_shared.work import LabJob
from kci_shared.work.definition import definition_of


def read_definition(job: LabJob) -> Definition:
    """Return what a job boots and tests; `BadJob` names what is wrong with it."""
    return definition_of(job.node, Definition)
