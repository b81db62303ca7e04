# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build as it is ordered and as it is reported, wherever a kernel is built."""

from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kci_shared.models import BuildDefinition, ErrorCode, Node, Result, Revision
from kci_shared.rules.artifacts import TARBALL
from kci_shared.work.definition import definition_of
from kci_shared.work.errors import CannotRun

BUILD = "build"
"""The platform of all builds: what whoever builds claims, besides its runtime."""
MARK = "==kci-build "
"""What begins the line of a log that is a build's report."""

Text = Annotated[str, AfterValidator(lambda text: text[:4000])]
"""Cut where it is too long."""
Options = Annotated[list[str], AfterValidator(lambda lines: lines[:1000])]
Name = Annotated[str, Field(pattern=r"^[a-z_]{1,50}$")]


class BuildOrder(BaseModel):
    """All that one must know to build a kernel."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Of the node, such as build/gcc-12/x86_64/defconfig."""
    tarball: str
    """The URL of the sources."""
    definition: BuildDefinition
    revision: Revision | None = None

    @property
    def is_patched(self) -> bool:
        """Say whether anybody may have written the sources."""
        return self.revision is not None and self.revision.patchset is not None


class BuildFacts(BaseModel):
    """What a build tells of itself, for the node's `data`."""

    compiler_version: Text
    kernel_release: Text
    duration: int
    """In seconds."""
    config_missing: Options
    """Options that were asked for and did not stick; a thousand at most."""


class BuildReport(BaseModel):
    """How a build ended. The sources may have had a hand in it: it is looked at."""

    result: Result
    error_code: ErrorCode | None = None
    error_msg: Text | None = None
    artifacts: Annotated[dict[Name, Text], Field(max_length=50)] = {}
    """Files of the build by what they are; once they are stored, their URLs."""
    needed: frozenset[Name] = frozenset()
    """Those without which the result is worth nothing."""
    facts: BuildFacts | None = None
    """None when it never came to a build."""


class Nodes(Protocol):
    """What whoever builds asks of the API."""

    async def get(self, node_id: str) -> Node | None:
        """Return the node, or None."""
        ...


async def order_of(node: Node, api: Nodes) -> BuildOrder:
    """Return what a node and the checkout above it ask for.

    Raises `BadJob`, which names what is wrong, or `CannotRun`: there are no sources.
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
