# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a present cluster would say of what we give it, by its own schema."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kci_kubernetes_bridge.manifest import manifest
from kci_kubernetes_bridge.pods import build_pod, script_pod
from kci_shared.work import BridgeSettings
from kci_shared.work.build import order_of

MANIFESTS = sorted((Path(__file__).parents[1] / "manifests").glob("*.yaml"))
VERSION = "1.37"


@pytest.fixture
def validate() -> Any:
    said = "the schemas are large: `make kubernetes-lab` fetches them"
    schemas = pytest.importorskip("kubernetes_validate", reason=said)
    return partial(schemas.validate, desired_version=VERSION, strict=True)


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_the_manifests_are_what_kubernetes_takes(validate: Any, file: Path) -> None:
    for body in yaml.safe_load_all(file.read_text()):
        validate(body)


async def test_a_job_is_what_kubernetes_takes(
    validate: Any, lab: Any, job: Any, build: Any, api: Any
) -> None:
    settings = BridgeSettings(
        api_url="http://a", token="t", storage_url="http://s", runtime="lab-x"
    )
    made = lab(builds={"image": "kci-builder", "secret": "storage"})
    order = await order_of(build().node, api)
    for pod in (script_pod(made, job("a: true")), build_pod(made, order, "http://s")):
        validate(manifest("0" * 24, pod, settings))
