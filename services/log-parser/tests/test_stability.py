# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fault keeps its signature on every run; another fault has another one."""

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from kci_log_parser.scanner import scan

STACK = """\
CPU: {cpu} UID: 0 PID: {pid} Comm: {comm} Not tainted {version} #1 PREEMPT
Hardware name: board, BIOS {version} 01/01/2026
Call Trace:
 <TASK>
 dump_stack_lvl+{offset}
 ? lying_around+{offset}
 {culprit}+{offset}
 {culprit}_caller.constprop.{number}+{offset} [module]
 worker_thread+{offset}
 </TASK>
Code: {address} {address} <0f> 0b
RAX: {address} RBX: {address}
---[ end trace {address} ]---
"""
HEADLINES = """\
BUG: KASAN: use-after-free in {culprit}+{offset}
BUG: KFENCE: out-of-bounds read in {culprit}+{offset}
BUG: KCSAN: data-race in {culprit} / {culprit}_caller
BUG: kernel NULL pointer dereference, address: {address}
BUG: unable to handle page fault for address: {address}
Unable to handle kernel paging request at virtual address {address}
Oops: general protection fault, maybe for address 0x{address}: 0000 [#1]
general protection fault: 0000 [#{number}] PREEMPT SMP KASAN
Internal error: Oops: 96000004 [#{number}] PREEMPT SMP
kernel BUG at drivers/{culprit}.c:{line}!
WARNING: CPU: {cpu} PID: {pid} at drivers/{culprit}.c:{line} {culprit}+{offset}
WARNING: drivers/{culprit}.c:{line} at {culprit}+{offset}, CPU#{cpu}: {comm}/{pid}
UBSAN: shift-out-of-bounds in drivers/{culprit}.c:{line}:{cpu}
BUG: sleeping function called from invalid context at kernel/locking/mutex.c:{line}
BUG: scheduling while atomic: {comm}/{pid}/0x{address}
INFO: task {comm}:{pid} blocked for more than {line} seconds.
watchdog: BUG: soft lockup - CPU#{cpu} stuck for {number}s! [{comm}:{pid}]
rcu: INFO: rcu_preempt self-detected stall on CPU {cpu}
BUG: Bad page state in process {comm}  pfn:{number}
WARNING: suspicious RCU usage
Unhandled fault: imprecise external abort (0x{number}) at 0x{address}
""".splitlines()
CHANGING = st.fixed_dictionaries(
    {
        "cpu": st.integers(0, 255),
        "pid": st.integers(1, 4_000_000),
        "comm": st.sampled_from(["swapper/0", "kworker/u8:3", "syz.1.22", "(sd-pam)"]),
        "version": st.sampled_from(["6.1.0", "5.15.99-rc1+", "6.16.0-g0123456789ab"]),
        "offset": st.tuples(st.integers(1, 4095), st.integers(1, 4095)).map(
            lambda pair: f"0x{pair[0]:x}/0x{pair[1]:x}"
        ),
        "number": st.integers(0, 9999),
        "address": st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}"),
        "line": st.integers(1, 99_999),
    }
)
PREFIXES = st.sampled_from(
    [
        "",
        "[{s}.{u:06d}] ",
        "<4>[{s:5}.{u:06d}][ T{s}] ",
        "kern  :warn  : [{s}.{u:06d}] ",
    ]
)


def report(headline: str, culprit: str, changing: dict[str, object]) -> str:
    return f"{headline}\n{STACK}".format(culprit=culprit, **changing)


def decorated(text: str, prefix: str, start: int) -> bytes:
    clock = count(start)
    return "".join(
        prefix.format(s=next(clock), u=start) + line for line in text.splitlines(True)
    ).encode()


def signatures(log: bytes) -> list[str]:
    return [found.signature for found in scan([log])]


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(HEADLINES),
    CHANGING,
    CHANGING,
    PREFIXES,
    PREFIXES,
    st.integers(0, 99_999),
)
def test_another_run_board_or_build_does_not_change_a_signature(
    headline: str,
    one: dict[str, object],
    other: dict[str, object],
    prefix: str,
    another: str,
    start: int,
) -> None:
    first = signatures(decorated(report(headline, "f", one), prefix, start))
    second = signatures(decorated(report(headline, "f", other), another, start + 7))
    assert len(first) == 1
    assert first == second


@settings(max_examples=20, deadline=None)
@given(CHANGING)
def test_no_two_faults_share_a_signature(changing: dict[str, object]) -> None:
    culprits = [f"{verb}_{noun}" for verb in ("get", "drop") for noun in ("a", "bus")]
    found = [
        signature
        for headline in HEADLINES
        for culprit in culprits
        for signature in signatures(report(headline, culprit, changing).encode())
    ]
    assert len(found) == len(HEADLINES) * len(culprits)
    # Two forms of one headline, of today's kernel and of older ones, are no two faults.
    assert len(set(found)) >= len(found) - len(culprits)
