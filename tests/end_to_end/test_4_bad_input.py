# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets an answer that names the field and the remedy, and harms nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kci_local.site import Site
from kci_shared.config import load
from kci_shared.errors import ConfigError

pytestmark = pytest.mark.end_to_end


@contextmanager
def speaking_as(site: Site, name: str) -> Iterator[httpx.Client]:
    token = site.secrets.path(f"{name}.token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    base = site.url("api")
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def http(site: Site) -> Iterator[httpx.Client]:
    with speaking_as(site, "outside") as client:
        yield client


@pytest.fixture
def lab(site: Site) -> Iterator[httpx.Client]:
    with speaking_as(site, "labgrid-bridge") as client:
        yield client


def test_an_unknown_field_is_named(http: httpx.Client) -> None:
    body = {"kind": "checkout", "name": "checkout", "colour": "red"}
    answer = http.post("/latest/node", json=body)
    assert answer.status_code == 422
    assert "colour" in answer.text


def test_a_wrong_kind_is_answered_by_those_that_exist(http: httpx.Client) -> None:
    answer = http.post("/latest/node", json={"kind": "banana", "name": "x"})
    assert answer.status_code in (400, 422)
    assert "banana" in answer.text or "kind" in answer.text
    assert "checkout" in answer.text


def test_a_child_under_somebody_elses_node_is_refused(
    http: httpx.Client, lab: httpx.Client
) -> None:
    root = http.post(
        "/latest/node",
        json={"kind": "checkout", "name": "checkout", "idempotency_key": "bad-input"},
    ).json()
    body = {"kind": "job", "name": "mine", "parent": root["id"]}
    answer = lab.post("/latest/node", json=body)
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Unauthorized to complete the operation")
    assert http.get(f"/latest/count?parent={root['id']}").json() == 0


def test_a_typo_in_a_labs_yaml_is_answered_by_file_line_and_remedy(
    tmp_path: Path,
) -> None:
    (tmp_path / "lab.yaml").write_text("labs:\n  mine:\n    typ: labgrid\n")
    with pytest.raises(ConfigError, match=r"lab\.yaml:3: .*typ.*type"):
        load(tmp_path)
