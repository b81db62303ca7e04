# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manifests and Jobs are valid by the schemas of a current Kubernetes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from kubernetes_bridge_fakes import Body, Jobs, a_lab

from kci_fakes.api import FakeApi
from kci_kubernetes_bridge.job_manifest import manifest
from kci_kubernetes_bridge.pods import build_pod, script_pod
from kci_shared.work import BridgeSettings
from kci_shared.work.build import order_of

MANIFESTS = sorted((Path(__file__).parents[1] / "manifests").glob("*.yaml"))
VERSION = "1.37"
Validate = Callable[[Body], object]


@pytest.fixture
def validate() -> Validate:
    reason = "the schemas are large: `make kubernetes-lab` fetches them"
    schemas = pytest.importorskip("kubernetes_validate", reason=reason)
    return partial(schemas.validate, desired_version=VERSION, strict=True)


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_the_manifests_are_valid(validate: Validate, file: Path) -> None:
    for body in yaml.safe_load_all(file.read_text()):
        validate(body)


async def test_a_job_is_valid(validate: Validate, jobs: Jobs, api: FakeApi) -> None:
    settings = BridgeSettings(
        api_url="http://a", token="t", storage_url="http://s", runtime="lab-x"
    )
    lab = a_lab(builds={"image": "kci-builder", "secret": "storage"})
    order = await order_of(jobs.build().node, api)
    for pod in (
        script_pod(lab, jobs.job("a: true")),
        build_pod(lab, order, "http://s"),
    ):
        validate(manifest("0" * 24, pod, settings))
