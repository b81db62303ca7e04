# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_shared.rules.builds import first_error

GAVE_UP = "make[1]: *** [Makefile:9: b.o] Error 1\n"


@pytest.mark.parametrize(
    "error",
    [
        "a.c:3:9: error: expected ';'",
        "a.c:1:10: fatal error: linux/none.h: No such file or directory",
        "error[E0425]: cannot find value `x` in this scope",
        "Error: arch/arm64/boot/dts/a.dts:3.1-2 syntax error",
        "a.dts:3.1: ERROR (phandle_references): reference to unknown label",
        'ERROR: modpost: "missing" [drivers/hello.ko] undefined!',
        "FATAL: modpost: vmlinux is truncated",
        "ld: init/main.o: undefined reference to `missing'",
        "ld: b.o: multiple definition of `x'; a.o: first defined here",
        "Makefile:12: *** missing separator.  Stop.",
    ],
)
def test_the_first_error_of_a_tool_is_told_not_what_make_says_of_it(error: str) -> None:
    log = f"  CC a.o\n{GAVE_UP}  {error}\nb.c:1:1: error: no\nmake: *** [all] Error 2\n"
    assert first_error(log) == error


def test_make_has_the_word_where_no_tool_says_why() -> None:
    assert first_error(f"  CC a.o\n{GAVE_UP}") == GAVE_UP.strip()
    assert first_error("make: *** No rule to make target 'x'.  Stop.\n") is not None
    assert first_error("all well") is None


def test_a_long_line_is_cut() -> None:
    assert first_error("error: " + "x" * 9000) == "error: " + "x" * 493
