# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kci_log_parser.fault_lines import FAULT_LINES
from kci_log_parser.fault_report import EXCERPT_LINES
from kci_log_parser.scanner import MAX_TAIL_BYTES, LogScanner, scan
from kci_log_parser.unique_findings import MAX_OF_A_KIND, MAX_OF_A_SEVERITY

HEADLINES = {
    "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2": "kasan",
    "BUG: KMSAN: uninit-value in f+0x1/0x2": "kmsan",
    "BUG: KCSAN: data-race in f / g": "kcsan",
    "BUG: KFENCE: use-after-free read in f+0x1/0x2": "kfence",
    "UBSAN: shift-out-of-bounds in lib/x.c:12:3": "ubsan",
    "BUG: memory leak": "kmemleak",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug)": "kmemleak",
    "BUG: kernel NULL pointer dereference, address: 0000000000000008": "null-deref",
    "Unable to handle kernel NULL pointer dereference at virtual": "null-deref",
    "BUG: unable to handle page fault for address: ffffc90000000000": "page-fault",
    "CPU 1 Unable to handle kernel paging request at virtual address 8": "page-fault",
    "BUG: stack guard page was hit at 00000000 (stack is 0..1)": "page-fault",
    "general protection fault: 0000 [#1] SMP": "gpf",
    "Oops: general protection fault, probably for non-canonical address": "gpf",
    "invalid opcode: 0000 [#1] SMP": "trap",
    "traps: PANIC: double fault, error_code: 0x0": "trap",
    "Insufficient stack space to handle exception!": "trap",
    "Internal error: synchronous external abort: 96000010 [#1] SMP": "oops",
    "Oops[#1]:": "oops",
    "Oops: Kernel access of bad area, sig: 11 [#1]": "oops",
    "Unhandled fault: imprecise external abort (0x406) at 0x00000000": "oops",
    "kernel BUG at mm/slub.c:305!": "kernel-bug",
    "WARNING: suspicious RCU usage": "suspicious-rcu",
    "[ INFO: suspicious RCU usage. ]": "suspicious-rcu",
    "WARNING: possible circular locking dependency detected": "lockdep",
    "[ BUG: init/1 still has locks held! ]": "lockdep",
    "BUG: spinlock bad magic on CPU#0, init/1": "lockdep",
    "INFO: trying to register non-static key.": "lockdep",
    "BUG: scheduling while atomic: init/1/0x00000002": "atomic-sleep",
    "BUG: sleeping function called from invalid context at x.c:1": "atomic-sleep",
    "BUG: using smp_processor_id() in preemptible [00000000] code: a/1": "atomic-sleep",
    "rcu: INFO: rcu_preempt self-detected stall on CPU": "rcu-stall",
    "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:": "rcu-stall",
    "INFO: task kworker/u4:1:23 blocked for more than 122 seconds.": "hung-task",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]": "soft-lockup",
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1": "hard-lockup",
    "BUG: Bad page state in process init  pfn:12345": "bug",
    "BUG kmalloc-64 (Not tainted): Poison overwritten": "bug",
    "WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2": "warning",
    "WARNING: kernel/x.c:12 at f+0x1/0x2, CPU#0: init/1": "warning",
    "Kernel panic - not syncing: VFS: Unable to mount root fs": "panic",
    "init invoked oom-killer: gfp_mask=0x0, order=0": "oom",
    "Memory cgroup out of memory: Killed process 12 (init)": "oom",
    "WARNING: SOFTIRQ-READ-safe -> SOFTIRQ-READ-unsafe lock order detected": "lockdep",
    "not ok 3 selftests: net: tls.sh # exit=1": "kselftest-fail",
    "kern  :err   : [    1.0] usb 1-1: device not accepting address": "dmesg-level",
    "watchdog: CPU3: Watchdog detected hard LOCKUP on cpu 3": "hard-lockup",
    "watchdog: CPU 3 self-detected hard LOCKUP @ f+0x1/0x2": "hard-lockup",
    "BUG: rwlock bad magic on CPU#0, init/1": "bug",
    "BUG: Unable to handle kernel data access on read at 0xc000": "page-fault",
    "Unable to handle kernel access at virtual address 5ac6d8f5": "page-fault",
    "illegal operation: 0001 ilc:1 [#1] SMP": "trap",
    "Reserved instruction in kernel code[#1]:": "trap",
    "Kernel bug detected[#1]:": "kernel-bug",
    "Kernel Fault: Code=26 (Data memory access rights trap) at addr 0": "oops",
    "swapper(1): Oops [#1]": "oops",
}
PREFIXES = [
    "",
    "[   12.345678] ",
    "[   12.345678][  T123] ",
    "[   12.345678] [    C1] ",
    "<4>[   12.345678] ",
    "[2026-01-02T03:04:05.678901] <1>[   12.345678] ",
    "kern  :alert : [   12.345678] ",
    "board login: [   12.345678] ",
    "<0>[   12.345678] -(1)[123:swapper/1]",
    "[   16.761978]  [4:  kworker/u16: 1] ",
    "Jan 02 03:04:05 host kernel: ",
    "2026-01-02T03:04:05.000000Z stderr F ",
    "00:01:02.123 [   12.345678] ",
    "\x1b[31m[   12.345678] ",
    '- {"dt": "2026-01-02T03:04:05", "lvl": "target", "msg": "[    1.234567] ',
]
NO_HEADLINES = [
    "traps: prog[123] general protection fault ip:401136 sp:7ffd error:0",
    "U-Boot WARNING: adjusting available memory",
    "WARNING: Image format was not specified",
    "DEBUG: this is fine",
    "1 warning generated.",
    "---[ end Kernel panic - not syncing: Fatal exception ]---",
    "Speculative Return Stack Overflow: WARNING: See https://kernel.org/",
    "+ grep 'kernel BUG at' /tmp/log",
    "ok 3 selftests: net: tls.sh",
    "not ok 3 selftests: net: tls.sh # SKIP",
]
OOPS = """\
[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    1.0] Oops: 0002 [#1] PREEMPT SMP
[    1.0] RIP: 0010:broken_probe+0x1b/0x40
[    1.0] Call Trace:
[    1.0]  ? __die+0x1/0x2
[    1.0]  really_probe+0x10/0x20
[    1.0] ---[ end trace 0000000000000000 ]---
[    1.1] BUG: scheduling while atomic: init/1/0x00000002
[    1.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b
[    1.2] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---
"""


def kinds(text: str) -> list[str]:
    return [found.kind for found in scan([text.encode()])]


@pytest.mark.parametrize(("headline", "kind"), HEADLINES.items())
def test_a_headline_is_known_by_its_kind(headline: str, kind: str) -> None:
    assert kinds(headline) == [kind]


@pytest.mark.parametrize(("headline", "kind"), HEADLINES.items())
def test_a_headline_is_known_in_the_middle_of_a_log(headline: str, kind: str) -> None:
    assert kinds(f"before\n[    1.0] {headline}\r\nafter\n") == [kind]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_consoles_and_labs_put_before_a_line_hides_no_headline(
    prefix: str,
) -> None:
    headline = "BUG: KASAN: use-after-free in f+0x1/0x2"
    [found] = scan([f"{prefix}{headline}\r\n".encode()])
    assert (found.kind, found.headline) == ("kasan", headline)


@pytest.mark.parametrize("line", NO_HEADLINES)
def test_what_only_resembles_a_headline_is_none(line: str) -> None:
    assert kinds(f"[    1.0] {line}\n{line}\n") == []


def test_every_kind_has_a_headline_in_these_tests() -> None:
    assert set(HEADLINES.values()) == {row.kind for row in FAULT_LINES}


def test_what_follows_an_oops_belongs_to_it() -> None:
    [found] = scan([OOPS.encode()])
    assert (found.kind, found.severity, found.line) == ("null-deref", "fault", 1)
    assert found.excerpt[2] == "RIP: 0010:broken_probe+0x1b/0x40"
    assert len(found.excerpt) == 7  # to its end mark


def test_a_panic_alone_is_a_panic() -> None:
    log = "Linux version 6.1\n[ 2.0] Kernel panic - not syncing: No working init found."
    [found] = scan([log.encode()])
    assert (found.kind, found.severity, found.line) == ("panic", "fault", 2)


def test_a_warning_that_kills_the_kernel_is_a_fault() -> None:
    warning = "WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2\n"
    panic = "Kernel panic - not syncing: kernel: panic_on_warn set ...\n"
    assert [f.severity for f in scan([warning.encode()])] == ["warning"]
    [found] = scan([(warning + panic).encode()])
    assert (found.kind, found.severity) == ("warning", "fault")


def test_a_panic_is_not_put_down_to_a_mere_warning() -> None:
    warning = "WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2\n"
    panic = "Kernel panic - not syncing: VFS: Unable to mount root fs\n"
    assert kinds(warning + panic) == ["warning", "panic"]


def test_the_same_fault_again_is_counted() -> None:
    again = OOPS.replace("0000000000000008", "0000000000000010")
    [found] = scan([(OOPS + "\n" * 600 + again).encode()])
    assert (found.count, found.line) == (2, 1)


def test_faults_at_other_places_are_other_findings() -> None:
    other = OOPS.replace("broken_probe", "other_probe")
    first, second = scan([(OOPS + "\n" * 600 + other).encode()])
    assert first.signature != second.signature
    assert second.line == 611


def test_lines_of_a_bad_level_are_warnings_unless_they_belong_to_a_report() -> None:
    alone = "kern  :err   : [    1.0] usb 1-1: device not accepting address\n"
    assert kinds(alone) == ["dmesg-level"]
    assert kinds(OOPS.splitlines()[0] + "\n" + alone) == ["null-deref"]


def test_the_kernels_first_word_is_noted() -> None:
    scanner = LogScanner()
    scanner.feed(b"U-Boot 2024.01\nStarting kernel ...\n[    0.0] Linux version 6.1\n")
    scanner.feed(b"[    0.0] Linux version 6.1 again\n")
    scanner.finish()
    assert scanner.banner == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 200)))
def test_it_does_not_matter_how_the_log_is_cut(sizes: list[int]) -> None:
    log = (f"noise\n{OOPS}" + "calm\n" * 600 + "BUG: Bad rss-counter state\n").encode()
    chunks, at = [], 0
    for size in sizes:
        chunks.append(log[at : at + size])
        at += size
    assert scan([*chunks, log[at:]]) == scan([log])


@settings(max_examples=25, deadline=None)
@given(st.binary(), st.sampled_from(sorted(HEADLINES)))
def test_noise_before_a_headline_does_not_hide_it(noise: bytes, headline: str) -> None:
    log = noise + b"\n" + headline.encode() + b"\n"
    found = scan([log])
    assert found
    assert found[-1].line <= log.count(b"\n")


def test_a_fault_after_a_flood_of_warnings_is_still_found() -> None:
    flood = "".join(
        f"WARNING: possible circular locking dependency detected {chr(97 + n)}\n"
        f"UBSAN: shift-out-of-bounds in {chr(97 + n)}.c\n"
        f"WARNING: CPU: 1 PID: 1 at {chr(97 + n)}.c:1\n"
        for n in range(26)
    )
    found = scan([(flood + "BUG: Bad rss-counter state\n").encode()])
    assert found[-1].kind == "bug"
    assert len(found) == MAX_OF_A_SEVERITY + 1


def test_findings_always_fit_on_a_node() -> None:
    wide = "\U0001f4a5" * 1000 + "\n"
    flood = "".join(
        f"{headline} {chr(97 + n)}{wide}" + wide * 20
        for headline in HEADLINES
        for n in range(2)
    )
    dumped = [found.model_dump_json() for found in scan([flood.encode()])]
    assert sum(len(each.encode()) for each in dumped) < 700_000


def test_a_flood_of_faults_yields_few_findings_with_short_excerpts() -> None:
    flood = "".join(f"BUG: trouble {chr(97 + n % 26)}{n}\n" for n in range(200))
    found = scan([flood.encode()])
    assert len(found) == MAX_OF_A_KIND
    assert all(len(f.excerpt) <= EXCERPT_LINES for f in found)


def test_a_line_without_end_is_not_kept_whole() -> None:
    scanner = LogScanner()
    for _ in range(20):
        scanner.feed(b"x" * MAX_TAIL_BYTES)
    assert len(scanner._tail) == MAX_TAIL_BYTES
    scanner.feed(b"\nBUG: still heard\n")
    assert [found.line for found in scanner.finish()] == [2]
