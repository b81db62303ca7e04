# SPDX-License-Identifier: LGPL-2.1-or-later
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from kci_local_bridge.qemu import processor, qemu_command
from kci_local_bridge.rules import (
    MAX_LINE,
    check,
    end_of,
    isolated,
    take_lines,
    typed,
)
from kci_local_bridge.settings import Settings
from kci_shared.lab import NoDevice
from kci_shared.lab.console import PANIC
from kci_shared.models import Definition
from kci_shared.work import BadJob

unhurried = hypothesis(deadline=None)  # other tests use the processor, too

CONSOLE = st.text(st.sampled_from("ab \r\n"), max_size=60)


@unhurried
@given(CONSOLE, st.lists(st.integers(0, 60)))
def test_lines_are_the_same_however_the_console_is_cut(
    text: str, cuts: list[int]
) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    found: list[str] = []
    rest = ""
    for start, end in pairwise(places):
        lines, rest = take_lines(rest + text[start:end])
        found += lines
    assert (found, rest) == take_lines(text)


@unhurried
@given(CONSOLE)
def test_no_character_of_a_line_is_lost(text: str) -> None:
    lines, rest = take_lines(text)
    assert re.sub(r"[\r\n]", "", "".join(lines) + rest) == re.sub(r"[\r\n]", "", text)


def test_a_line_without_end_is_cut() -> None:
    lines, rest = take_lines("x" * (MAX_LINE + 1))
    assert (len(lines), rest) == (1, "")


def test_a_panic_is_found_in_a_line() -> None:
    [line], _ = take_lines("[ 1.0] Kernel panic - not syncing: Attempted\r\n")
    assert re.search(PANIC, line)


@unhurried
@given(st.text(max_size=50))
def test_what_is_typed_never_looks_like_its_own_end(command: str) -> None:
    mark = "kci0123abcd"
    said = typed(isolated(command), mark)
    lines, _ = take_lines(said)
    assert not any(end_of(mark).search(line) for line in lines) or mark in command


@unhurried
@given(st.text(st.characters(exclude_characters="\r\n")), st.integers(0, 255))
def test_an_end_tells_the_status_and_what_stood_before_it(
    said: str, status: int
) -> None:
    match = end_of("kci0123abcd").search(f"{said}kci0123abcd {status}\n")
    assert match is not None
    assert (match[1], int(match[2])) == (said, status)


def test_a_machine_boots_the_jobs_images(settings: Settings) -> None:
    images = {"kernel": Path("/c/1"), "ramdisk": Path("/c/2")}
    command = qemu_command(settings, "qemu-1", images, Path("/r/qemu.pid"))
    assert command[0] == "qemu-system-x86_64"
    assert command[command.index("-initrd") + 1] == "/c/2"
    assert command[command.index("-pidfile") + 1] == "/r/qemu.pid"
    bare = qemu_command(settings, "qemu-1", {"kernel": Path("/c/1")}, Path("/p"))
    assert "-initrd" not in bare
    assert "-enable-kvm" in processor(kvm=True)
    assert "-enable-kvm" not in processor(kvm=False)


def definition(run: str = "true", **artifacts: str) -> Definition:
    tests = [{"id": "t", "run": run}]
    return Definition.model_validate({"artifacts": artifacts, "tests": tests})


def test_a_sound_job_is_taken() -> None:
    check(definition("uname -a\necho $HOME\tü", kernel="http://k", ramdisk="http://r"))


def test_a_job_without_a_kernel_is_wrong() -> None:
    with pytest.raises(BadJob, match="add a kernel"):
        check(definition(ramdisk="http://r"))


def test_a_job_that_types_control_characters_is_wrong() -> None:
    with pytest.raises(BadJob, match="test t: `run` has control characters"):
        check(definition("sleep 1 \x03", kernel="http://k"))


def test_a_job_that_needs_a_network_is_for_another_lab() -> None:
    check(definition(kernel="http://k", modules="http://m", dtbs="http://d"))
    with pytest.raises(NoDevice, match="not nfsroot"):
        check(definition(kernel="http://k", modules="http://m", nfsroot="http://n"))
