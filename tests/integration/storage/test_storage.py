# SPDX-License-Identifier: LGPL-2.1-or-later
"""The artifact storage as a process of its own, killed while it works."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

pytestmark = pytest.mark.integration

CONTENT = os.urandom(12 << 20)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
GOOD = {"Authorization": "Bearer good"}
PATIENCE_S = 30.0


class WhoAmI(BaseHTTPRequestHandler):
    """An API that knows one token."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == GOOD["Authorization"]
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b'{"username": "me"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), WhoAmI) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def running(
    api_url: str, folder: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the storage; yield an artifact's address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"KCI_API_URL": api_url, "KCI_STORE": folder.as_uri()}
    process = subprocess.Popen(
        [sys.executable, "-m", "kci_storage"], env={**settings, "KCI_PORT": str(port)}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until_ready(url)
        yield f"{url}/{DIGEST}/bzImage", process
    finally:
        process.terminate()
        process.wait(10)


def until_ready(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ready").is_success:
                return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the storage did not become ready")


def test_an_artifact_outlives_the_process(api_url: str, tmp_path: Path) -> None:
    with running(api_url, tmp_path) as (url, process):
        assert httpx.put(url, content=CONTENT, headers=GOOD).status_code == 201
        process.kill()
    with running(api_url, tmp_path) as (url, _):
        assert httpx.get(url).content == CONTENT
        assert httpx.put(url, content=CONTENT, headers=GOOD).status_code == 200


def test_a_half_upload_is_never_seen(api_url: str, tmp_path: Path) -> None:
    with running(api_url, tmp_path) as (url, process):
        half_sent = Event()
        upload = Thread(target=upload_until_cut, args=(url, half_sent))
        upload.start()
        assert half_sent.wait(PATIENCE_S)
        assert httpx.get(url).status_code == 404
        process.kill()
        upload.join(PATIENCE_S)
    with running(api_url, tmp_path) as (url, _):
        assert httpx.get(url).status_code == 404
        assert httpx.put(url, content=CONTENT, headers=GOOD).status_code == 201
        assert httpx.get(url).content == CONTENT


def upload_until_cut(url: str, half_sent: Event) -> None:
    def slowly() -> Iterator[bytes]:
        yield CONTENT[: 8 << 20]
        half_sent.set()
        while True:
            time.sleep(0.05)
            yield b"x"

    with pytest.raises(httpx.TransportError):
        httpx.put(url, content=slowly(), headers=GOOD)
