# SPDX-License-Identifier: LGPL-2.1-or-later
"""The signature of a fault: the same in each run, on each board and in each build.

Recipe 2: sha256 of the kind, of the headline without what differs from run to run, and
of the first three functions of the stack that may be at fault: neither code that prints
reports, nor functions that all of the kernel calls. With another recipe all known
faults look new, so it gets the next number.
"""

import hashlib
import re
from functools import lru_cache

RECIPE = 2
MAX_FUNCTIONS = 3

COMPILED = re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv)(?:\.\d+)*\b")
"""Suffixes that compilers give to copies of a function."""

REPORTING = re.compile(
    r"(?:__|___)?(?:"
    r"dump_(?:stack|backtrace)\w*|show_(?:stack|regs|trace)\w*|unwind_\w+|walk_stackframe"
    r"|print_\w+|report_\w+|(?:check_)?panic\w*|nmi_panic|vpanic|die\w*|oops_\w+"
    r"|warn\w*|bust_spinlocks|fixup_\w+"
    r"|k[acm]san_\w+|[acmu]san_\w+|msan_\w+|kfence_\w+|ubsan_\w+|handle_overflow"
    r"|check_memory_region\w*|lockdep_\w+|(?:might|cant)_\w+|lock_acquire|lock_release"
    r"|handle_bug|do_(?:error_)?trap\w*|do_invalid_op|do_int3|do_general_protection"
    r"|do_page_fault|do_user_addr_fault|do_kern_addr_fault|do_kernel_fault|bad_area\w*"
    r"|no_context|do_mem_abort|do_translation_fault|do_bad\w*|do_sea"
    r"|(?:asm_)?(?:exc|sysvec)_\w+|error_entry|error_exit|invalid_op|page_fault\w*"
    r"|general_protection|divide_error|el1\w*|die_kernel_fault|do_undef\w+|do_DataAbort"
    r"|dabt_svc|und_svc\w*|nmi_\w+|watchdog_\w+|rcu_(?:check|dump|sched_clock)\w*"
    r")$"
)
SERVING = re.compile(
    r"_{0,3}(?:"
    # waiting, and being woken
    r"schedule\w*|io_schedule\w*|preempt_schedule\w*|switch_to\w*|context_switch"
    r"|(?:do_)?wait_(?:for|on)_\w+|(?:out_of_line_)?wait_on_\w+|bit_wait\w*"
    r"|folio_wait\w*|flush_work\w*|flush_workqueue|synchronize_\w+"
    # locks
    r"|mutex_\w+|rt_mutex_\w+|rwsem_\w+|down(?:_\w+)?|percpu_down_\w+|ww_mutex_\w+"
    r"|(?:do_)?raw_\w+|(?:native_)?queued_\w+|spin_\w+|lock_\w+|mark_\w*lock\w*"
    r"|mark_usage|valid_state|validate_chain|check_(?:prev|noncircular|deadlock|irq)\w*"
    r"|debug_(?:check|object|print|mutex|spin)_\w+|osq_lock|local_bh_\w+"
    # the clock that notices a stall
    r"|sched_show_task|show_task|arch_trigger\w+|trigger_\w+|nmi_\w+|check_cpu_stall\w*"
    r"|dump_cpu_task|update_process_times|tick_\w+|hrtimer_(?:run|interrupt)\w*"
    r"|(?:local_|smp_)?apic_timer\w*|timer_interrupt|arch_timer_handler\w*"
    r"|handle_(?:percpu|domain|irq)\w*|generic_handle\w*|gic_handle\w*|call_on_\w+"
    r"|do_interrupt_handler|do_softirq|handle_softirqs|irq_exit\w*|invoke_softirq"
    # memory
    r"|alloc_pages\w*|alloc_frozen\w*|get_page_from_freelist|post_alloc_hook"
    r"|get_free_pages\w*|kv?m?[sz]?alloc\w*|kmem_cache_\w+|v[mz]alloc\w*|kvmalloc\w*"
    r"|krealloc\w*|slab_\w+|(?:do_)?kmalloc\w*|allocate_slab|new_slab|bad_page"
    r"|k[vz]?free\w*|vfree\w*|free_pages\w*|free_unref\w*|free_frozen\w*|memdup_\w+"
    r"|mem(?:cpy|set|move|cmp|chr)\w*|str(?:n?len|n?cmp|n?cpy|[ls]cpy|n?cat|chr|str)"
    r"|copy_(?:to|from)_user\w*|copy_(?:to|from)_iter\w*|instrument_\w+|fortify_\w+"
    r"|check_object_size|usercopy_\w+|refcount_\w+|list_(?:add|del)_\w+"
    r")$"
)
"""Functions that all of the kernel calls, and that are seldom at fault."""
NOISE = [
    (re.compile(pattern), kept)
    for pattern, kept in [
        (r"\[#\d.*", ""),  # the number of the oops, and the configuration
        (r",? CPU#.*", ""),
        (r"( on CPU)\b.*", r"\1"),
        (r"(task ).*( blocked| can't die)", r"\1\2"),
        (r"(stuck for).*", r"\1"),
        (r"(in process |Killed? process |code: |while atomic: ).*", r"\1"),
        (r"^.*(invoked oom-killer).*", r"\1"),
        (r"(starved for).*", r"\1"),
        (r"\S*/([\w.-]+\.[chS])\b", r"\1"),  # where the kernel was built
        (r"\((?:Not tainted|Tainted)[^)]*\)?", ""),
        (r"\b\d+\.\d+\.\d+[-+.\w]*", ""),  # a kernel's version
        (r"\+?0x[0-9a-fA-F]+(?:/0x[0-9a-fA-F]+)?", ""),
        (r"\b[0-9a-f]{8,}\b", ""),
        (r"\d+", ""),
        (r"\W+", " "),
    ]
]


@lru_cache(maxsize=1024)  # a flood of reports has few different ones
def signature(kind: str, headline: str, functions: tuple[str, ...]) -> str:
    """Return a fault's signature."""
    text = COMPILED.sub("", headline)
    for pattern, kept in NOISE:
        text = pattern.sub(kept, text)
    recipe = "\n".join([kind, text.strip(), *functions[:MAX_FUNCTIONS]])
    return f"{RECIPE}-{hashlib.sha256(recipe.encode()).hexdigest()[:20]}"
