# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets an answer that names the field and the remedy, and harms nothing."""

from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def http(site: Any) -> httpx.Client:
    token = site.secrets.path("outside.token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=site.url("api"), headers=headers, trust_env=False)


@pytest.fixture
def lab(site: Any) -> httpx.Client:
    token = site.secrets.path("labgrid-bridge.token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=site.url("api"), headers=headers, trust_env=False)


def test_an_unknown_field_is_named(http: httpx.Client) -> None:
    body = {"kind": "checkout", "name": "checkout", "colour": "red"}
    answer = http.post("/latest/node", json=body)
    assert answer.status_code == 422
    assert "colour" in answer.text


def test_a_wrong_kind_is_told_which_there_are(http: httpx.Client) -> None:
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


def test_a_typo_in_a_labs_yaml_is_told_with_file_line_and_remedy(
    tmp_path: Path,
) -> None:
    pytest.importorskip("kci_scheduler")
    from kci_shared.config import load_config

    (tmp_path / "lab.yaml").write_text("labs:\n  mine:\n    typ: labgrid\n")
    with pytest.raises(Exception, match=r"lab\.yaml:3.*typ.*type"):
        load_config(tmp_path)
