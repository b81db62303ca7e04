# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_log_parser.build import KINDS
from kci_log_parser.scanner import LogScanner
from kci_shared.models import Finding

GAVE_UP = """\
make[2]: *** [scripts/Makefile.build:1: a.o] Error 1
make: *** [Makefile:2: all] Error 2
"""
ERRORS = {
    "kernel/a.c:12:3: error: expected ';' before 'x'": ("compiler", "kernel/a.c:12:3"),
    "kernel/a.c:12: error: old style": ("compiler", "kernel/a.c:12"),
    "kernel/a.c:1:10: fatal error: a.h: No such file": ("compiler", "kernel/a.c:1:10"),
    "kernel/a.c:9:1: internal compiler error: in f": ("compiler", "kernel/a.c:9:1"),
    "arch/x/a.S:7: Error: no such instruction: `f'": ("compiler", "arch/x/a.S:7"),
    "\x1b[1ma.c:2:3: \x1b[0m\x1b[0;31merror: \x1b[0mx": ("compiler", "a.c:2:3"),
    "error[E0425]: cannot find value `x`\n  --> rust/a.rs:5:9\n": (
        "compiler",
        "rust/a.rs:5:9",
    ),
    "Error: arch/arm/boot/dts/a.dts:12.3-10 syntax error": (
        "compiler",
        "arch/arm/boot/dts/a.dts:12",
    ),
    "a.c:(.text+0x9a): undefined reference to `f'": ("linker", "a.c:(.text+0x9a)"),
    "/usr/bin/ld: a.o: in function `g':\na.c:7: undefined reference to `f'": (
        "linker",
        "a.c:7",
    ),
    "ld.lld: error: undefined symbol: f\n>>> referenced by a.c:7\n": (
        "linker",
        "a.c:7",
    ),
    "b.c:(.bss+0x0): multiple definition of `x'; a.o:a.c:(.bss+0x0): first defined": (
        "linker",
        "b.c:(.bss+0x0)",
    ),
    "aarch64-linux-gnu-ld: cannot find -lelf: No such file": ("linker", None),
    'ERROR: modpost: "f" [drivers/a.ko] undefined!': ("modpost", None),
    'ERROR: "f" [drivers/a.ko] undefined!': ("modpost", None),
    "FATAL: modpost: Section mismatches detected.": ("modpost", None),
    "make[1]: *** No rule to make target 'a.o', needed by 'b'.  Stop.": ("make", None),
    "Makefile:12: *** missing separator.  Stop.": ("make", "Makefile:12"),
    'make: *** Configuration file ".config" not found!  Stop.': ("make", None),
    f"***\n*** The source tree is not clean\n***\n{GAVE_UP}": ("make", None),
    f"drivers/Kconfig:7: syntax error\n{GAVE_UP}": ("make", None),
    "clang: error: unsupported option '-mfoo'": ("build-other", None),
    f"/bin/sh: 1: bison: not found\n{GAVE_UP}": ("build-other", None),
    f"make[1]: flex: No such file or directory\n{GAVE_UP}": ("build-other", None),
    f"FAILED: load BTF from vmlinux: Invalid argument\n{GAVE_UP}": (
        "build-other",
        None,
    ),
    f"  CC      a.o\nSorry, no.\n{GAVE_UP}": ("build-other", None),
}
INNOCENT = [
    "*** Default configuration is based on 'defconfig'",
    "  HOSTCC  scripts/error.o",
    "make[1]: *** Waiting for unfinished jobs....",
    "make: *** [Makefile:2: x] Error 1 (ignored)",
    "/bin/sh: 1: wish: not found",
    "[    1.0] ALSA: seq fatal error: cannot create timer (-22)",
    "error: no such device: root.",
    "1 error generated.",
    "configure: checking for error: none",
    "udev.rules:12: error: unknown key",
]


def read(log: str) -> tuple[list[Finding], list[Finding]]:
    scanner = LogScanner()
    scanner.feed(log.encode())
    return scanner.finish(), scanner.warnings


@pytest.mark.parametrize(("text", "expected"), ERRORS.items())
def test_an_error_is_known_by_its_kind_and_its_place(
    text: str, expected: tuple[str, str | None]
) -> None:
    [found], warnings = read(f"  CC      b.o\n{text}\n")
    assert (found.kind, found.location) == expected
    assert (found.severity, warnings) == ("fault", [])


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, _ in ERRORS.values()} == KINDS


@pytest.mark.parametrize("line", INNOCENT)
def test_what_only_resembles_an_error_is_none(line: str) -> None:
    assert read(f"{line}\n  CC      a.o\n{line}\n") == ([], [])


def test_a_build_may_have_many_errors_and_each_is_told_once() -> None:
    header = "include/a.h:3:1: error: unknown type name 'u9'\n    3 | u9 x;\n"
    own = "b.c: In function 'probe':\nb.c:7:2: error: no\n"
    log = f"{header}  CC      b.o\n{header}{own}{GAVE_UP}"
    (first, second), _ = read(log)
    assert (first.location, first.count) == ("include/a.h:3:1", 2)
    assert (second.location, second.function) == ("b.c:7:2", "probe")
    assert first.excerpt == header.splitlines()


def test_warnings_are_kept_apart_from_errors() -> None:
    log = (
        "a.c:1:2: warning: unused variable 'x' [-Wunused]\nb.o: warning: objtool: f()\n"
    )
    findings, warnings = read(log + "1 warning generated.\n")
    assert findings == []
    assert [w.location for w in warnings] == ["a.c:1:2", None]
    assert {w.severity for w in warnings} == {"warning"}


def test_the_same_error_on_another_line_and_in_another_folder_is_the_same() -> None:
    [one], _ = read("/build/mm/a.c:12:3: error: too few arguments to 'f'\n")
    [other], _ = read("mm/a.c:99:1: error: too few arguments to 'f'\n")
    assert one.signature == other.signature


def test_of_a_traceback_the_exception_is_the_headline() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 7\n'
    log = trace + GAVE_UP
    [found], _ = read(log)
    assert (found.kind, found.headline) == ("build-other", "KeyError: 7")
