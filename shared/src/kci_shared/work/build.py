# SPDX-License-Identifier: LGPL-2.1-or-later
"""What to build, and how a build ended; the same for every kind of builder."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kci_shared.models import BuildDefinition, ErrorCode, Node, Result, Revision
from kci_shared.nodes import Nodes
from kci_shared.rules.artifacts import TARBALL
from kci_shared.work.definition import definition_of
from kci_shared.work.errors import CannotRun

BUILD = "build"
"""The platform of every build node: what builders claim."""
MARK = "==kci-build "
"""Begins the line of a log that holds a `BuildReport`."""

Text = Annotated[str, AfterValidator(lambda text: text[:4000])]
"""Text from the build, cut to a length that the API accepts."""
Options = Annotated[list[str], AfterValidator(lambda lines: lines[:1000])]
Name = Annotated[str, Field(pattern=r"^[a-z_]{1,50}$")]


class BuildOrder(BaseModel):
    """All that is needed to build a kernel."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The node's name, such as build/gcc-12/x86_64/defconfig."""
    tarball: str
    """The URL of the sources."""
    definition: BuildDefinition
    revision: Revision | None = None

    @property
    def is_patched(self) -> bool:
        """Whether the sources contain patches, which anybody may have written."""
        return self.revision is not None and self.revision.patchset is not None


class BuildFacts(BaseModel):
    """Facts about a build, for the node's `data`."""

    compiler_version: Text
    kernel_release: Text
    duration: int
    """In seconds."""
    config_missing: Options
    """Requested options that are not in the final configuration; at most 1000."""


class BuildReport(BaseModel):
    """How a build ended. Untrusted: the sources may have tampered with it."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: Text | None = None
    artifacts: Annotated[dict[Name, Text], Field(max_length=50)] = {}
    """Files of the build by artifact name; URLs once they are stored."""
    needed: frozenset[Name] = frozenset()
    """Names of artifacts without which the result must not be reported."""
    facts: BuildFacts | None = None
    """None if the build did not start."""


async def order_of(node: Node, api: Nodes) -> BuildOrder:
    """Return the order for a build node, whose checkout has the sources.

    Raises `BadJob` for a wrong definition, `CannotRun` if there are no sources.
    """
    definition = definition_of(node, BuildDefinition)
    checkout = await api.get(node.parent) if node.parent else None
    tarball = checkout.artifacts.get(TARBALL) if checkout else None
    if tarball is None:
        raise CannotRun(f"the checkout above has no artifact '{TARBALL}'")
    return BuildOrder(
        name=node.name,
        tarball=tarball,
        definition=definition,
        revision=node.data.kernel_revision,
    )
