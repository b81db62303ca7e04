# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab's own file: where its LAVA is, and how its devices are booted."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from kci_shared.lab.labfile import LAB_ENTRY, read_lab_file

Url = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
Arguments = Annotated[str, Field(pattern=r"^[\w .,:;=/@%+*-]*$", max_length=1000)]
"""Of a kernel's command line: nothing that a shell or LAVA would take for its own."""
Word = Annotated[str, Field(pattern=r"^[\w.+-]+$", max_length=200)]


class Boot(StrEnum):
    """How LAVA brings a kernel onto a device."""

    QEMU = "qemu"
    U_BOOT = "u-boot"
    GRUB = "grub"
    IPXE = "ipxe"
    DEPTHCHARGE = "depthcharge"
    FASTBOOT = "fastboot"


class _Entry(BaseModel):
    model_config = LAB_ENTRY


class Login(_Entry):
    """How a session begins on the booted system."""

    prompt: Annotated[str, Field(min_length=1)] = "login:"
    user: str = "root"
    password: str | None = None
    """Of a test system, which everybody who sees the job can read."""
    password_prompt: str = "Password:"  # noqa: S105 - what is asked, not answered


class Docker(_Entry):
    """Where fastboot runs, and what makes a boot image of the job's files."""

    image: str
    steps: list[str] = []
    """Commands that make boot.img of kernel, ramdisk, ...; empty: the job brings it."""


class Device(_Entry):
    """How this lab runs the jobs of one platform."""

    type: Word
    """LAVA's device type, or an alias of it."""
    tags: list[Word] = []
    """What a device of the type must have besides."""
    boot: Boot
    arguments: Arguments = ""
    """For the kernel: its console, and earlycon, without which LAVA may miss it."""
    kernel_type: Literal["image", "zimage", "uimage"] = "image"
    """Of the job's kernel, for boot loaders that must know it."""
    prompts: list[Annotated[str, Field(min_length=1)]] = ["# $", "/ #", "~ #"]
    """Regular expressions: the shell waits."""
    login: Login | None = Login()
    """None where the console is a shell at once."""
    boot_timeout: Annotated[float, Field(ge=1)] = 600
    """From power-on to the prompt, in seconds."""
    context: dict[Word, str | int] = {}
    """Variables of the device type's own template, such as `arch` of QEMU."""
    docker: Docker | None = None
    roles: dict[Word, Annotated[int, Field(ge=1, le=16)]] = {}
    """A job of several devices: how many play which role."""
    job: dict[str, Any] = {}
    """Laid over the definition that is made."""
    actions: dict[Literal["deploy", "boot", "test"], dict[str, Any]] = {}
    """Laid over each of its actions of that kind."""

    @model_validator(mode="after")
    def _docker_for_fastboot(self) -> Self:
        if self.boot is Boot.FASTBOOT and self.docker is None:
            raise ValueError("fastboot runs in docker: add `docker: {image: ...}`")
        return self


class Band(_Entry):
    """What this lab gives us of LAVA's priorities."""

    lowest: Annotated[int, Field(ge=0, le=100)] = 0
    highest: Annotated[int, Field(ge=0, le=100)] = 100


class Lab(_Entry):
    """A LAVA lab."""

    url: Url
    """LAVA's own address, such as https://lava.example.org"""
    token_file: Path
    """Holds an API token of the user whose jobs ours are."""
    callback: Url | None = None
    """Where LAVA reaches this bridge; without it LAVA is only asked."""
    poll: Annotated[float, Field(gt=0, le=3600)] = 30
    """Seconds between two questions for the jobs in flight."""
    depth: Annotated[float, Field(ge=0)] = 1
    """How many jobs may wait in LAVA's queue for each device."""
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
            raise ValueError(f"there is no file {file}")
        return file

    def read_token(self) -> str:
        """Return the token for LAVA."""
        return self.token_file.read_text().strip()


def read_lab(file: Path) -> Lab:
    """Read a lab's file; `ConfigError` names the line of each mistake."""
    return read_lab_file(file, Lab)
