# SPDX-License-Identifier: LGPL-2.1-or-later
"""Schemathesis asks all that the description allows, and much that it does not.

`KCI_FUZZ_S=600` makes it go on for ten minutes (`make fuzz-api`).
"""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from httpx import AsyncClient

from integration.api_contract.conftest import Site
from kci_api.lists import store as lists
from kci_api.subscriptions import listening

SECONDS = int(os.environ.get("KCI_FUZZ_S", "30"))
pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(SECONDS * 2 + 120),
]

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
LEFT_OUT = {
    "logout": "ends the run's own login",
    "stream_events": "has no end",
    "claim": "waits as long as it is asked to",
}


async def test_no_request_causes_an_internal_error(
    site: Site, admin: AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lists, "WAIT_S", 0.05)
    monkeypatch.setattr(listening, "WAIT_S", 0.05)
    url = site.replicas[0].url
    left_out = [f"--exclude-operation-id={name}" for name in LEFT_OUT]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("st"),
        "run",
        f"{url}/openapi.json",
        "--header",
        f"Authorization: {admin.headers['Authorization']}",
        "--checks",
        ",".join(CHECKS),
        "--max-time",
        str(SECONDS),
        "--phases",
        "examples,fuzzing",
        "--seed",
        "1",
        "--no-color",
        *left_out,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-20_000:]
    (tmp_path / "report").write_bytes(output)
    assert b"generated" in output or b"passed" in output, output.decode()
