# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the regression tracker."""

import asyncio

from kci_regression_tracker.settings import Settings
from kci_regression_tracker.tracker import RegressionTracker
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run_consumer

GROUP = "regression-tracker"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Note what passed in an earlier revision and fails now."""
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings, api, GROUP) as events,
    ):
        tracker = RegressionTracker(api)
        await events.deliver(tracker.on_event, stop, sweep=tracker.unjudged)


def start() -> None:
    """Start the service."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()
