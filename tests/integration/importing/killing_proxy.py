# SPDX-License-Identifier: LGPL-2.1-or-later
"""A proxy to the API that kills the import while it waits for an answer."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

START_S = 30


class KillingProxy(ThreadingHTTPServer):
    """Forwards requests; after a given number of imports it kills a process."""

    def __init__(self, api: httpx.Client, kill_at: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.victim: subprocess.Popen[bytes] | None = None
        self.is_armed = threading.Event()
        self._left = kill_at

    def arm(self, victim: subprocess.Popen[bytes]) -> None:
        """Name the process to kill; imports wait until then."""
        self.victim = victim
        self.is_armed.set()

    def count_import(self) -> bool:
        """Count an import that the API has done; return whether it was the last."""
        assert self.is_armed.wait(START_S)
        assert self.victim is not None
        self._left -= 1
        if self._left == 0:
            self.victim.send_signal(signal.SIGKILL)
        return self._left <= 0


class _Handler(BaseHTTPRequestHandler):
    server: KillingProxy

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        answer = self.server.api.post(
            self.path,
            content=self.rfile.read(length),
            headers={
                "Authorization": self.headers["Authorization"],
                "Content-Type": self.headers["Content-Type"],
            },
        )
        if self.server.count_import():
            return  # without an answer
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def killing_proxy(api: httpx.Client, kill_at: int) -> Iterator[KillingProxy]:
    """Run a proxy while the context is open; `api` forwards its requests."""
    with KillingProxy(api, kill_at) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
