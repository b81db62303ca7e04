# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_log_parser.signature import RECIPE, signature
from kci_log_parser.stack import own_functions, trace

STACK = ("probe", "really_probe")
NUMBERS = st.integers(0, 2**32)


@settings(max_examples=50, deadline=None)
@given(NUMBERS, NUMBERS)
def test_addresses_offsets_and_numbers_are_not_in_a_signature(a: int, b: int) -> None:
    def of(n: int) -> str:
        said = (
            f"BUG: KASAN: slab-out-of-bounds in f.isra.{n}+0x{n:x}/0x{n:x} at {n:08x}"
        )
        return signature("kasan", said, STACK)

    assert of(a) == of(b)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (
            "hung-task",
            "INFO: task kworker/0:1:12 blocked for more than 122 seconds.",
            "INFO: task my prog:3 blocked for more than 245 seconds.",
        ),
        (
            "oops",
            "Oops: 0002 [#1] PREEMPT SMP KASAN",
            "Oops: 0002 [#3] SMP NOPTI",
        ),
        (
            "warning",
            "WARNING: CPU: 0 PID: 1 at /build/a/kernel/x.c:12 f+0x1/0x2",
            "WARNING: CPU: 3 PID: 77 at kernel/x.c:14 f+0x8/0x20",
        ),
        (
            "soft-lockup",
            "BUG: soft lockup - CPU#0 stuck for 22s! [cat:1]",
            "BUG: soft lockup - CPU#3 stuck for 45s! [bash:22]",
        ),
        ("oom", "cat invoked oom-killer: gfp_mask=0x1", "sh invoked oom-killer: gfp=0"),
        (
            "bug",
            "BUG: Bad page state in process cat  pfn:12345",
            "BUG: Bad page state in process sh  pfn:00abc",
        ),
    ],
)
def test_another_run_has_the_same_signature(kind: str, one: str, other: str) -> None:
    assert signature(kind, one, STACK) == signature(kind, other, STACK)


def test_kind_headline_and_stack_each_tell_faults_apart() -> None:
    marks = {
        signature("bug", "BUG: one", ("f",)),
        signature("bug", "BUG: two", ("f",)),
        signature("bug", "BUG: one", ("g",)),
        signature("oops", "BUG: one", ("f",)),
    }
    assert len(marks) == 4


def test_a_signature_names_its_recipe() -> None:
    # A change of the recipe makes all known faults new: do it on purpose, and count up.
    assert RECIPE == 2
    assert signature("bug", "BUG: Bad rss", STACK) == "2-6b0526f34995d5618c4d"


@pytest.mark.parametrize(
    ("line", "function"),
    [
        (" my_probe+0x10/0x20", "my_probe"),
        (" my_probe.isra.0.cold+0x10/0x20 [my_module]", "my_probe"),
        (" [<ffffffff81000000>] my_probe+0x10/0x20", "my_probe"),
        ("RIP: 0010:my_probe+0x10/0x20", "my_probe"),
        ("pc : my_probe+0x10/0x20", "my_probe"),
        (" ? my_probe+0x10/0x20", None),
        (" dump_stack_lvl+0x10/0x20", None),
        (" kasan_report+0x10/0x20", None),
        ("nothing here", None),
    ],
)
def test_a_line_of_a_stack_names_a_function_that_is_to_blame(
    line: str, function: str | None
) -> None:
    assert own_functions(line.encode(), 1) == ([function] if function else [])


def test_a_trace_leaves_out_what_another_cpu_says_between() -> None:
    lines = [
        "[    1.0][   T1] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2",
        "[    1.0][   C3]  other+0x1/0x2",
        *(f"[    1.0][   T1]  f{n}+0x1/0x2" for n in range(6)),
        *("[    1.0][   C3] more of the other",) * 3,
    ]
    names = [frame.partition("+")[0] for frame in trace("\n".join(lines).encode(), 9)]
    assert names == ["f", "f0", "f1", "f2", "f3", "f4", "f5"]
