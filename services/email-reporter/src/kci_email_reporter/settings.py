# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings of the email reporter."""

from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from kci_email_reporter.mail import Letterhead
from kci_shared.secret import Secret
from kci_shared.settings import ServiceSettings
from kci_shared.work import BridgeSettings

HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
ADDRESS = rf"[A-Za-z0-9._%+-]+@{HOST}"

Address = Annotated[str, Field(pattern=rf"^{ADDRESS}$", max_length=254)]


class Tls(StrEnum):
    """How the connection to the relay is encrypted."""

    AUTO = "auto"
    STARTTLS = "starttls"
    TLS = "tls"


class Settings(BridgeSettings, ServiceSettings):
    """Who mails what to whom, and through which relay."""

    runtime: Annotated[
        str, Field(description="`data.runtime` of the nodes that are mails")
    ] = "email"
    max_jobs: Annotated[
        int,
        Field(ge=1, le=1000, description="how many mails are sent at the same time"),
    ] = 16
    queue: Annotated[
        float, Field(ge=0, description="seconds that a mail may wait for the relay")
    ] = 48 * 3600

    mail_from: Annotated[
        str,
        Field(
            pattern=rf"^[A-Za-z0-9][A-Za-z0-9 _-]* <{ADDRESS}>$",
            description="the sender, such as: KernelCI bot <bot@ci.example.org>",
        ),
    ]
    mail_to: Annotated[
        list[Address],
        Field(
            min_length=1, max_length=20, description='the recipients, as ["a@b","c@d"]'
        ),
    ]
    mail_domain: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
            description="full domain name for Message-IDs and bounces",
        ),
    ]
    mail_mode: Annotated[
        str,
        Field(
            pattern=rf"^(live|dry-run|redirect:{ADDRESS})$",
            description="live, dry-run (nothing is sent), or redirect:<address>",
        ),
    ] = "dry-run"
    mail_archive: Annotated[
        Path | None,
        Field(description="a Maildir to which the relay copies every mail"),
    ] = None
    mail_settle: Annotated[
        float,
        Field(
            ge=0,
            description="maximum seconds until a sent mail is in the archive",
        ),
    ] = 600
    mail_contact: Annotated[
        str,
        Field(
            pattern=rf"^({ADDRESS})?$", description="the people behind the bot, if any"
        ),
    ] = ""
    web_url: Annotated[
        str | None,
        Field(
            description="URL of a node's page, its id appended; the API's by default"
        ),
    ] = None

    smtp_host: Annotated[str, Field(description="the mail relay")] = "127.0.0.1"
    smtp_port: Annotated[int, Field(ge=1, le=65535, description="its port")] = 25
    smtp_tls: Annotated[
        Tls, Field(description="auto (if offered), starttls or tls (both required)")
    ] = Tls.AUTO
    smtp_user: Annotated[str | None, Field(description="account at the relay")] = None
    smtp_password: Annotated[
        Secret | None, Field(description="password of that account")
    ] = None

    @model_validator(mode="after")
    def _password_stays_secret(self) -> Self:
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("set both KCI_SMTP_USER and KCI_SMTP_PASSWORD, or neither")
        if self.smtp_user is not None and self.smtp_tls is Tls.AUTO:
            raise ValueError("KCI_SMTP_USER needs KCI_SMTP_TLS=starttls or tls")
        return self

    @property
    def redirect(self) -> str | None:
        """The address that gets all mails instead of their recipients."""
        mode, _, address = self.mail_mode.partition(":")
        return address if mode == "redirect" else None

    @property
    def letterhead(self) -> Letterhead:
        """Sender, recipients, and where readers find more."""
        name, address = parseaddr(self.mail_from)
        page = self.web_url or f"{self.api_url.rstrip('/')}/viewer?node_id="
        return Letterhead(
            name=name,
            address=address,
            recipients=(self.redirect,) if self.redirect else tuple(self.mail_to),
            domain=self.mail_domain,
            node_url=page,
            contact=self.mail_contact,
            subject_prefix="[STAGING] " if self.redirect else "",
        )
