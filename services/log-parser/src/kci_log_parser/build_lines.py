# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of lines that a build prints when something is wrong."""

from kci_log_parser.forms import Topic, forms

LD = r"\bld(?:\.(?:bfd|gold|lld))?"
BUILD_LINES = forms(
    Topic.BUILD,
    {
        "error": [
            r":\d+:(?: |\x1b\[[\d;]*[mK])*(?:fatal |internal compiler )?[Ee]rror: ",
        ],
        "warning": [
            r":\d+:(?: |\x1b\[[\d;]*[mK])*[Ww]arning: ",
            r"warning: objtool: ",
            r"WARNING: modpost: ",
            r"Section mismatch in reference",
        ],
        "rust-error": [r"(?m:^)error(?:\[E\d+\])?: "],
        "tree-error": [r"(?m:^)Error: \S+:\d+\.\d+", r": ERROR \([a-z_]+\): "],
        "linker": [
            r"undefined reference to ",
            r"multiple definition of ",
            r"relocation truncated to fit",
            rf"{LD}: (?:error|fatal|cannot|unrecogni|unknown|reloc)",
            rf"{LD}: (?:failed|BFD|internal|section|region|final)",
        ],
        "modpost": [
            r"(?:ERROR|FATAL): modpost: ",
            r"ERROR: \"?[\w.]+\"? \[\S+\] undefined!",
        ],
        "driver": [
            r"\b(?:clang|gcc|g\+\+|cc1|cc1plus|as|rustc|bindgen|objtool)(?:-\d+)?"
            r": (?:fatal )?error: ",
        ],
        "make": [r"\bmake(?:\[\d+\])?: \*\*\* ", r":\d+: \*\*\* "],
        "function": [r": In (?:member )?function "],
        "suspect": [
            r"(?m:^)\*\*\* \S",
            r"\bmake(?:\[\d+\])?: \S+: (?:No such|Command not|Permission)",
            r": (?:command )?not found",
            r"(?m:^)FAILED:? ",
            r"Traceback \(most recent call last\)",
            r"No space left on device",
            r"Kconfig[\w.]*:\d+: ",
            r"\b[Ss]egmentation fault",
            r"(?m:^)(?:Error|ERROR|FATAL ERROR|fatal): ",
        ],
    },
)
