# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run the email reporter: ``python -m kci_email_reporter``."""

import asyncio

from kci_email_reporter.delivery import Delivery
from kci_email_reporter.reporter import Reporter
from kci_email_reporter.sender import Sender
from kci_email_reporter.sent_mails import MaildirArchive
from kci_email_reporter.settings import Settings
from kci_email_reporter.smtp import SmtpRelay
from kci_email_reporter.unsent import Unsent
from kci_shared.client import ApiClient
from kci_shared.events import EventStream
from kci_shared.service import run_consumer
from kci_shared.storage import Storage
from kci_shared.work import Bridge

GROUP = "email-reporter"
"""Its consumer group."""


async def main(settings: Settings, stop: asyncio.Event) -> None:
    """Write mails on regressions and first results, and send them."""
    archive = MaildirArchive(settings.mail_archive) if settings.mail_archive else None
    relay = SmtpRelay(settings)
    delivery = Delivery(relay, archive, settings)
    async with (
        ApiClient.connect(settings) as api,
        EventStream.connect(settings, api, GROUP) as events,
        Storage.connect(settings) as storage,
        relay.channel.opened(),
        asyncio.TaskGroup() as tasks,
    ):
        reporter = Reporter(api, storage, settings)
        sender = Sender(delivery, storage, settings)
        unsent = Unsent(api, reporter)
        tasks.create_task(events.deliver(reporter.on_event, stop, sweep=unsent.nodes))
        tasks.create_task(Bridge(api, storage, sender, settings).run(stop))


def start() -> None:
    """Run until a signal stops it."""
    run_consumer(main, Settings, GROUP)


if __name__ == "__main__":
    start()
