# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from scheduler_fakes import NOW, SMALL, SchedulerApi

from kci_scheduler.closing import Closing
from kci_scheduler.scheduler import Scheduler
from kci_shared.config import Config


@pytest.fixture
def api() -> SchedulerApi:
    return SchedulerApi()


@pytest.fixture
def config() -> Config:
    return Config.model_validate(SMALL)


@pytest.fixture
def scheduler(api: SchedulerApi, config: Config) -> Scheduler:
    closing = Closing(api, now=lambda: NOW)
    return Scheduler(lambda: config, api, closing, now=lambda: NOW)
