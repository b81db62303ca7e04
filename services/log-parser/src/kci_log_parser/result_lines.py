# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of lines that may be results of tests; `ResultReader` decides."""

from kci_log_parser.forms import Topic, forms

RESULT_LINES = forms(
    Topic.RESULT,
    {
        "ktap": [
            r"(?:not )?ok (?:\d|- )",
            r"(?m:^)(?:not )?ok [^\s\d-]",
            r"\b1\.\.\d",
            r"TAP version \d",
            r"# Subtest: ",
            r"# selftests: ",
        ],
        "signal": [r"<LAVA_SIGNAL_"],
        "ltp": [r"\bT(?:PASS|FAIL|BROK|CONF|WARN) {0,3}: ", r"(?m:^)tag=\S+ stime="],
    },
)
