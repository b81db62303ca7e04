# SPDX-License-Identifier: LGPL-2.1-or-later
"""JUnit's XML, as pytest and labgrid write it."""

from collections.abc import Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from kci_shared.rules.results.outcomes import MAX_NAME, Outcome, TestOutcome, slug

RESULTS: dict[type, Outcome] = {
    Failure: Outcome.FAIL,
    Error: Outcome.ERROR,
    Skipped: Outcome.SKIP,
}
MAX_BYTES = 16 << 20


class NotJUnit(ValueError):
    """A file is no JUnit XML, or none that is safe to read."""


def is_junit(start: bytes) -> bool:
    """Say whether a file that starts so is one of JUnit's."""
    return (
        b"<testsuite" in start[:4096]
        and start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<"
    )


def read_junit(xml: bytes) -> list[TestOutcome]:
    """Return the results of a file."""
    if len(xml) > MAX_BYTES or b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise NotJUnit("it is too long, or declares entities")
    try:
        root = JUnitXml.fromstring(xml)
    except Exception as error:
        raise NotJUnit(str(error)) from error
    suites = [root] if isinstance(root, TestSuite) else list(root)
    return [outcome for suite in suites for outcome in _outcomes(suite)]


def _outcomes(suite: TestSuite) -> Iterator[TestOutcome]:
    for case in suite:
        if isinstance(case, TestSuite):
            yield from _outcomes(case)
        elif isinstance(case, TestCase):
            yield _outcome(case)


def _outcome(case: TestCase) -> TestOutcome:
    said = next(iter(case.result), None)
    path = [slug(part) for part in (case.classname, case.name) if part]
    return TestOutcome(
        name=".".join(path),
        result=RESULTS.get(type(said), Outcome.PASS),
        format="junit",
        why=(said.message or "")[:MAX_NAME] or None if said is not None else None,
        measurement=case.time,
        units=None if case.time is None else "seconds",
    )
