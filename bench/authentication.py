# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a request's header to its caller, in this process."""

import time

from fastapi import FastAPI
from starlette.requests import Request

from bench.site import Bench
from kci_api.callers.auth import CallerRequired
from kci_api.dependencies import provide
from kci_api.settings import Settings
from kci_api.wiring import open_authenticator, open_database

SECONDS = 8
"""Some lives of what is remembered of a token, so that the looks count as well."""
PACE = 200
"""Requests a second."""


async def authentication(bench: Bench) -> float:
    """Return how many milliseconds of CPU time it takes, for each of many requests."""
    key = bench.site.secrets.ensure("jwt.key").read_text()
    settings = Settings(
        mongo_url=bench.site.mongo_url, secret_key=key, development=True
    )
    async with open_database(settings):
        app = FastAPI()
        provide(app, [open_authenticator(settings)])
        headers = [(b"authorization", bench.headers["Authorization"].encode())]
        look, count = CallerRequired(), 0
        begin, cpu = time.perf_counter(), 0.0
        while time.perf_counter() < begin + SECONDS:
            # in bursts, as the time of a sleep would count
            start = time.process_time()
            for _ in range(PACE // 10):
                scope = {"type": "http", "headers": headers, "app": app}
                await look(Request(scope))
                count += 1
            cpu += time.process_time() - start
            time.sleep(0.1)  # noqa: ASYNC251 - nothing else shall run meanwhile
    return cpu / count * 1000
