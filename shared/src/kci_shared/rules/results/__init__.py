# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test results that programs print: KTAP, TAP, LTP, LAVA signals, JUnit; pure.

`ResultReader` reads them for bridges and for the log parser, line by line. Bridges give
it what a test printed: a line with a time stamp is a message of the kernel, and no
result. The log parser removes time stamps first, since KUnit prints to the kernel log.
"""

from kci_shared.rules.results.junit import NotJUnit, is_junit, read_junit
from kci_shared.rules.results.parsed import (
    MAX_RESULTS,
    RESULTS,
    Format,
    ParsedTest,
    TestStatus,
)
from kci_shared.rules.results.reader import ResultReader, may_be_result, outermost

__all__ = [
    "MAX_RESULTS",
    "RESULTS",
    "Format",
    "NotJUnit",
    "ParsedTest",
    "ResultReader",
    "TestStatus",
    "is_junit",
    "may_be_result",
    "outermost",
    "read_junit",
]
