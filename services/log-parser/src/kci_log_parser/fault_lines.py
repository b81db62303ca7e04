# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of headlines: what a kernel prints first when something is wrong."""

from dataclasses import dataclass

from kci_log_parser.forms import Topic
from kci_shared.models import Severity

Kinds = frozenset[str]
NONE: Kinds = frozenset()
LEAD = r" *(?:\[ )?(?:[\w#./()-][\w #./()-]{0,40}: ){0,3}(?:CPU \d+ )?"
"""A subsystem may come before a headline: `watchdog: `, `rcu: INFO: `, `CPU 1 `."""


CRASH = frozenset({"null-deref", "page-fault", "gpf", "trap", "oops"})
BROKEN = CRASH | {"kernel-bug", "bug", "kasan", "kmsan", "kfence", "ubsan"}
HANGS = frozenset({"rcu-stall", "hung-task", "soft-lockup", "hard-lockup"})
CAUSES = BROKEN | HANGS | {"warning", "kcsan", "lockdep", "oom", "panic"}
FAULTS = BROKEN - {"ubsan"} | {"hard-lockup", "panic"}


@dataclass(frozen=True)
class Headline:
    """One form of headline, and when it belongs to a report that is open."""

    kind: str
    pattern: str
    """In what Hyperscan and Python's `re` have in common.

    What repeats at its beginning is bounded or a word: `re` begins at each byte.
    """
    within: Kinds = NONE
    """In a report of these kinds the line is a part of it."""
    after: Kinds = NONE
    """Soon after a fault of these kinds the line is a consequence of it."""
    lead: str = LEAD
    """What may come before it in its line."""

    @property
    def topic(self) -> Topic:
        """What the line is about."""
        return Topic.FAULT

    @property
    def severity(self) -> Severity:
        """What a finding of this kind means for the verdict."""
        return Severity.FAULT if self.kind in FAULTS else Severity.WARNING


def _rows(
    kind: str,
    *patterns: str,
    within: Kinds = NONE,
    after: Kinds = NONE,
    lead: str = LEAD,
) -> list[Headline]:
    return [Headline(kind, pattern, within, after, lead) for pattern in patterns]


FAULT_LINES: list[Headline] = [
    # The first row that fits decides, so particular rows come before general ones.
    *_rows("kasan", r"BUG: KASAN: "),
    *_rows("kasan", r"BUG \S+ \(.*\): kasan: bad access", within=frozenset({"kasan"})),
    *_rows("kmsan", r"BUG: KMSAN: "),
    *_rows("kcsan", r"BUG: KCSAN: "),
    *_rows("kfence", r"BUG: KFENCE: "),
    *_rows("ubsan", r"UBSAN: [\w -]+ in "),
    *_rows("kmemleak", r"BUG: memory leak"),
    *_rows("kmemleak", r"unreferenced object 0x", within=frozenset({"kmemleak"})),
    *_rows("kmemleak", r"kmemleak: \d+ new suspected memory leaks"),
    *_rows(
        "null-deref",
        r"BUG: [Kk]ernel NULL pointer dereference",
        r"[Uu]nable to handle kernel NULL pointer dereference",
        within=BROKEN,
    ),
    *_rows(
        "page-fault",
        r"[Uu]nable to handle (?:kernel|page fault for address)",
        r"BUG: (?:\w+ )?stack guard page was hit",
        r"Kernel tried to access user memory at addr",  # um
        r"Corrupted page table at address",
        within=BROKEN,
    ),
    *_rows(
        "gpf",
        r"(?:GPF could be caused by NULL-ptr deref or user memory access)?"
        r"general protection fault[:,]",  # of a program: `traps: x[12] general ...`
        within=BROKEN,
    ),
    *_rows(
        "trap",
        r"(?:Oops: )?(?:invalid opcode|divide[_ ]error|int3|double fault|bounds)"
        r": [0-9a-f]{4} ",
        r"(?:stack segment|segment not present|invalid TSS): [0-9a-f]{4} ",
        r"(?:alignment check|control protection(?: fault)?|SIMD \w+): [0-9a-f]{4} ",
        r"PANIC: double fault",
        r"Insufficient stack space to handle exception",
        r"[Kk]ernel stack overflow",  # riscv, s390
        r"Kernel panic - not syncing: [Kk]ernel stack overflow",
        r"(?:illegal operation|monitor event|specification exception): [0-9a-f]{4} ilc",
        r"(?:addressing|protection|data|operand) exception: [0-9a-f]{4} ilc",
        r"[\w-]{1,80} (?:divide exception|protection): [0-9a-f]{4} ilc",  # s390
        r"(?:Reserved|Break|Trap) instruction in kernel code ?\[#",  # mips
        r"(?:Kernel|Unhandled kernel) unaligned (?:instruction )?access ?\[#",
        r"do_cpu invoked from kernel context",
        r"\*\*\* (?:ADDRESS|BUS) ERROR \*\*\*",  # m68k
        r"Unexpected kernel \w+ exception at EL1",
        within=BROKEN,
    ),
    *_rows(
        "oops",
        r"Internal error: ",
        r"Oops(?:: | - | ?\[#)",
        r"Unhandled fault: ",
        r"Unhandled prefetch abort",
        r"Bad mode in .* handler detected",
        r"Kernel [Ff]ault: Code=",  # parisc
        r"Machine check in kernel mode",  # powerpc
        r"Unrecoverable (?:exception|FP Unavailable)",
        r"Bad kernel stack pointer",
        r"(?:Data|Instruction) bus error, epc ==",  # mips
        r"CFI failure (?:at|\()",
        within=BROKEN,
    ),
    *_rows("kernel-bug", r"kernel BUG at ", within=frozenset({"bug"})),
    *_rows("kernel-bug", r"BUG: failure at "),
    *_rows("kernel-bug", r"Kernel (?:BUG|bug detected)(?:: \w+)? ?\[#", within=BROKEN),
    *_rows("suspicious-rcu", r"suspicious RCU (?:usage|context)"),
    *_rows(
        "lockdep",
        r"possible (?:circular|recursive|irq)[\w -]* (?:detected|dependency)",
        r"[\w-]{1,80}-safe -> [\w-]+-unsafe lock order detected",
        r"inconsistent lock state",
        r"bad (?:unlock balance|contention) detected",
        r"held lock freed",
        r"lock held (?:when returning to user space|at task exit time)",
        r"[Nn]ested lock was not taken",
        r"\S{1,80} still has locks held",
        r"BUG: workqueue leaked (?:lock|atomic)",
        r"BUG: key \S+ (?:not in|has not been registered)",
        r"BUG: looking up invalid subclass",
        r"trying to register non-static key",
        r"[Ii]nvalid wait context",
        r"spinlock (?:lockup|bad magic|recursion|cpu recursion|already unlocked|wrong)",
        r"BUG: MAX_[A-Z_]+ too low",
        r"WARNING: .*kernel/locking/lockdep\.c:",
    ),
    *_rows(
        "atomic-sleep",
        r"BUG: scheduling while atomic",
        r"BUG: sleeping function called from invalid context",
        r"BUG: using [\w()]+ in preemptible",
        r"BUG: assuming (?:atomic|non migratable) context",
        after=BROKEN,  # the task that crashes of it prints this
    ),
    *_rows(
        "rcu-stall",
        r"\b\w+ self-detected stalls? on CPU",
        r"\b\w+ detected (?:expedited )?stalls on (?:CPUs|tasks)",
    ),
    *_rows(
        "rcu-stall",
        r"\b\w+ (?:grace-period )?kthread starved for",
        r"\b\w+ kthread timer wakeup didn't happen for",
        within=frozenset({"rcu-stall"}),
    ),
    *_rows(
        "hung-task",
        r":\d+ blocked (?:in I/O wait )?for more than \d+ sec",
        r":\d+ can't die for more than \d+ sec",
        lead=".*",  # a task may be named with anything, a line feed included
    ),
    *_rows("soft-lockup", r"BUG: soft lockup - CPU#\d+ stuck for"),
    *_rows("hard-lockup", r"[Hh]ard LOCKUP", lead=r"(?!Kernel panic)[\w :.-]*"),
    *_rows(
        "bug",
        r"BUG: ",
        r"BUG [\w.:()-]+ \((?:Not t|T)ainted",
        r"[Kk]ernel memory (?:exposure|overwrite) attempt detected",
        r"Fixing recursive fault but reboot is needed",
    ),
    *_rows(
        "warning",
        r"WARNING: (?:CPU: \d+ |at )",
        r"WARNING: (?:\[.*\] )?\S+\.[chS]:\d+ ",
        r"WARNING: (?:kernel stack |can't (?:dereference|access) registers)",
    ),
    *_rows(
        "panic",
        r"Kernel panic - not syncing: .*panic_on",
        r"Kernel panic - not syncing: (?:hung_task|softlockup|[Hh]ard LOCKUP|RCU)",
        after=CAUSES,
    ),
    *_rows("panic", r"Kernel panic - not syncing", after=BROKEN | {"oom", "panic"}),
    *_rows("oom", r"\S{1,80} invoked oom-killer"),
    *_rows(
        "oom",
        r"(?:Memory cgroup )?[Oo]ut of memory: Kill",
        within=frozenset({"oom"}),
    ),
    *_rows("kselftest-fail", r"not ok \d+ selftests: "),
    # Any other line of `dmesg -x` at a level that means trouble.
    *_rows(
        "dmesg-level", r"kern *:(?:emerg|alert|crit|err) *: ", within=CAUSES, lead=".*"
    ),
]
