# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines without what consoles and labs put around them."""

import re

from kci_shared.text import as_shown

MAX_LINE_CHARS = 1000
"""How much of a line is looked at."""

LAVA = re.compile(r'^- \{.{0,100}?"?msg"?: ["\']?')
PREFIXES = re.compile(
    r"^(?:"
    r"\[?\d{4}-\d\d-\d\d[T ]\d\d:[\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\]? ?"  # LAVA, CI
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? "
    r"|std(?:out|err) [FP] "  # Kubernetes
    r"|<\d{1,3}>"  # the raw level
    r"|(?:kern|user|daemon) *: ?\w+ *: ?"  # dmesg -x
    r"|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}\] ?"  # dmesg -T
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,80} kernel: "  # syslog
    r")+"
)
STAMP = re.compile(
    r"^.{0,80}?"  # a prompt, a journal's prefix, another CPU's unfinished line
    r"\[ *\d+\.\d{1,9}\](?:<\d{1,3}>)?"
    r"(?: ?\[ *[TC]\d+\])? ?"  # the caller: CONFIG_PRINTK_CALLER
    r"(?: ?-?(?:\(\d+\))?\[ *\d+: *[^\]]{1,32}\] ?)?"  # what vendors add to it
)
USUAL = re.compile(rb"(?:<\d{1,3}>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ")
"""What is before nearly every headline, and may be before any."""
CALLER = re.compile(r"^\[ *[TC]\d+\] ?")


def clean(raw: bytes) -> str:
    """Return a line's text without time stamps, levels, callers, colours, controls."""
    text = undecorated(raw)
    return (text.rstrip("\"'} ") if raw.startswith(b"- {") else text).rstrip()


def undecorated(raw: bytes) -> str:
    """Return a line's text without what is put before it; its end stays as it is."""
    text = as_shown(raw[: 4 * MAX_LINE_CHARS])[:MAX_LINE_CHARS]
    if text.startswith("- {") and (lava := LAVA.match(text)):
        text = text[lava.end() :]
    text = PREFIXES.sub("", text)
    text, stamps = STAMP.subn("", text)
    return text if stamps else CALLER.sub("", text)


def may_lead(pattern: str, raw: bytes) -> bool:
    """Return whether the beginning of a line fits a pattern, without decorations."""
    if USUAL.fullmatch(raw):
        return True
    return re.fullmatch(pattern, undecorated(raw)) is not None
