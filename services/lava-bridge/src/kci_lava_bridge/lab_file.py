# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's file: its LAVA server, and how its devices boot."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from kci_shared.lab.labfile import LAB_ENTRY, read_lab_file

Url = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
Arguments = Annotated[str, Field(pattern=r"^[\w .,:;=/@%+*-]*$", max_length=1000)]
"""Kernel arguments without characters that are special to a shell or to LAVA."""
Word = Annotated[str, Field(pattern=r"^[\w.+-]+$", max_length=200)]


class Boot(StrEnum):
    """LAVA's methods to boot a kernel."""

    QEMU = "qemu"
    U_BOOT = "u-boot"
    GRUB = "grub"
    IPXE = "ipxe"
    DEPTHCHARGE = "depthcharge"
    FASTBOOT = "fastboot"


class _Entry(BaseModel):
    model_config = LAB_ENTRY


class Login(_Entry):
    """How to log in to the booted system."""

    prompt: Annotated[str, Field(min_length=1)] = "login:"
    user: str = "root"
    password: str | None = None
    """Of a test system; visible to everybody who can see the job."""
    password_prompt: str = "Password:"  # noqa: S105 - a prompt, not a password


class Docker(_Entry):
    """The container in which fastboot runs and boot images are built."""

    image: str
    steps: list[str] = []
    """Commands that build boot.img from the job's files; empty: the job has one."""


class Device(_Entry):
    """How this lab runs the jobs of one platform."""

    type: Word
    """LAVA's device type, or an alias of it."""
    tags: list[Word] = []
    """Tags that the device must have."""
    boot: Boot
    arguments: Arguments = ""
    """For the kernel: console=, and earlycon, without which LAVA may miss its start."""
    kernel_type: Literal["image", "zimage", "uimage"] = "image"
    """Format of the job's kernel, for boot loaders that need it."""
    prompts: list[Annotated[str, Field(min_length=1)]] = ["# $", "/ #", "~ #"]
    """Regular expressions of the shell's prompt."""
    login: Login | None = Login()
    """None if the console is a shell without login."""
    boot_timeout: Annotated[float, Field(ge=1)] = 600
    """From power-on to the prompt, in seconds."""
    context: dict[Word, str | int] = {}
    """Variables of the device type's template, such as `arch` of QEMU."""
    docker: Docker | None = None
    roles: dict[Word, Annotated[int, Field(ge=1, le=16)]] = {}
    """For a multinode job: the number of devices by role."""
    job: dict[str, Any] = {}
    """Overrides for the whole job definition."""
    actions: dict[Literal["deploy", "boot", "test"], dict[str, Any]] = {}
    """Overrides for each action of a kind."""

    @model_validator(mode="after")
    def _docker_for_fastboot(self) -> Self:
        if self.boot is Boot.FASTBOOT and self.docker is None:
            raise ValueError("fastboot runs in docker: add `docker: {image: ...}`")
        return self


class Band(_Entry):
    """The part of LAVA's priorities that the lab grants us."""

    lowest: Annotated[int, Field(ge=0, le=100)] = 0
    highest: Annotated[int, Field(ge=0, le=100)] = 100


class Lab(_Entry):
    """A LAVA lab."""

    url: Url
    """LAVA's address, such as https://lava.example.org"""
    token_file: Path
    """Contains an API token of the user who submits our jobs."""
    callback: Url | None = None
    """Where LAVA can reach this bridge; without it LAVA is only polled."""
    poll: Annotated[float, Field(gt=0, le=3600)] = 30
    """Seconds between two queries of the running jobs."""
    depth: Annotated[float, Field(ge=0)] = 1
    """How many jobs may wait in LAVA's queue, per device."""
    visibility: Literal["public", "personal"] | dict[Literal["group"], list[str]] = (
        "public"
    )
    priority: Band = Band()
    devices: Annotated[dict[str, Device], Field(min_length=1)]
    """By KernelCI's name of the platform."""

    @field_validator("token_file")
    @classmethod
    def _must_exist(cls, file: Path, validation: ValidationInfo) -> Path:
        file = (validation.context or Path()) / file
        if not file.is_file():
            raise ValueError(f"no such file: {file}")
        return file

    def read_token(self) -> str:
        """Return the token for LAVA."""
        return self.token_file.read_text().strip()


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    return read_lab_file(file, Lab)
