# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest

from kci_builder.verdicts import machine_fault


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("as: write: No space left on device", "No space left on device"),
        ("/bin/sh: line 1: bison: command not found", "bison is not installed"),
        ("/bin/sh: 1: aarch64-linux-gnu-gcc-12: not found", "aarch64-linux-gnu-gcc-12"),
        ("a.c:1:10: fatal error: gelf.h: No such file or directory", "gelf.h is not"),
        ("/bin/sh: 1: scripts/my-tool: not found", None),
        ("a.c:1:10: fatal error: linux/of.h: No such file or directory", None),
        ("a.c:3:1: error: 'not found' undeclared", None),
    ],
)
def test_a_tool_that_is_not_installed_is_not_the_kernels_fault(
    log: str, reason: str | None
) -> None:
    fault = machine_fault(log)
    assert fault is None if reason is None else str(fault).startswith(reason)
