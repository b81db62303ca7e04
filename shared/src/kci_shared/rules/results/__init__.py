# SPDX-License-Identifier: LGPL-2.1-or-later
"""Test results that programs print: KTAP, TAP, LTP, LAVA signals, JUnit; pure.

`ResultReader` takes lines and returns results, for bridges and the log parser alike.
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
