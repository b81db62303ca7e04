# SPDX-License-Identifier: LGPL-2.1-or-later
"""The steps of an import: which documents to translate, in which order, and how."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from kci_import.fit import Draft
from kci_import.legacy.builds import checkout, kbuild, placeholder_kbuild
from kci_import.legacy.document_reader import Reading
from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import (
    BUILD_FIELDS,
    GROUP_FIELDS,
    REVISION_FIELDS,
    id_of,
    select,
)
from kci_import.legacy.links import Links, Placeholder, RegressionCopies
from kci_import.legacy.regressions import bisection, regression, report, runs_of
from kci_import.legacy.tests import boot, job, test
from kci_import.legacy.translate import placeholder
from kci_import.problems import Problem
from kci_shared.models import Result

Translation = tuple[Draft | None, list[Problem]]
"""The draft of a document, or None if another step translates it; its problems."""


@dataclass(frozen=True)
class Pending:
    """A document to be translated."""

    id: str
    translate: Callable[[], Translation]


@dataclass(frozen=True)
class Step:
    """Documents of one type."""

    name: str
    source: str
    """The collection."""
    documents: Callable[[int], Iterator[Pending | Unreadable]]
    """Yields the documents after the first so many."""


class Steps:
    """Plans the steps, and translates with what other documents say."""

    def __init__(self, links: Links, storage: str) -> None:
        self._links = links
        self._storage = storage

    def plan(self, files: dict[str, list[Collection]]) -> Iterator[Step]:
        """Yield the steps: parents come before their children."""
        yield from _read(files, "job", self._checkout)
        yield self._placeholders("job", self._placeholder_checkout)
        yield from _read(files, "build", self._kbuild)
        yield self._placeholders("build", self._placeholder_kbuild)
        for level in range(self._links.levels()):
            translate = partial(self._job, level)
            yield from _read(files, "test_group", translate, f", level {level + 1}")
        if self._links.has_detached_groups():
            yield from _read(files, "test_group", self._detached_job, ", detached")
        yield from _read(files, "test_case", self._test)
        yield from _read(files, "boot", self._boot)
        yield Step("test_regression", "test_regression", self._regressions)
        yield from _read(files, "bisect", self._bisection)
        yield from _read(files, "report", self._report)

    def _placeholders(
        self, table: str, translate: Callable[[Placeholder], Translation]
    ) -> Step:
        def documents(skip: int) -> Iterator[Pending]:
            for one in islice(self._links.placeholders(table), skip, None):
                yield Pending(one.id, partial(translate, one))

        return Step(f"{table}, placeholders", table, documents)

    def _regressions(self, skip: int) -> Iterator[Pending]:
        for copies in islice(self._links.regressions(), skip, None):
            id_ = str(copies.document.get("_id"))
            yield Pending(id_, partial(self._regression, copies))

    def _checkout(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        fields = select(document, REVISION_FIELDS)
        result = self._links.checkout_result(reading.id)
        return checkout(reading, fields, result), reading.problems

    def _placeholder_checkout(self, missing: Placeholder) -> Translation:
        reading = placeholder(missing.id, missing.created, "job")
        result = self._links.checkout_result(reading.id)
        fields = _only(missing.fields, REVISION_FIELDS)
        return checkout(reading, fields, result), reading.problems

    def _kbuild(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.job_of(reading.id)
        ancestor, log = self._links.revision(parent), self._links.log(reading.id)
        draft = kbuild(reading, parent, ancestor, self._storage, log)
        return draft, reading.problems

    def _placeholder_kbuild(self, missing: Placeholder) -> Translation:
        reading = placeholder(missing.id, missing.created, "build")
        parent = self._links.job_of(reading.id)
        fields = _only(missing.fields, BUILD_FIELDS)
        return placeholder_kbuild(reading, parent, fields), reading.problems

    def _job(self, level: int, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        if self._links.level(reading.id) != level:
            return None, []
        parent = id_of(document.get("parent_id") or document.get("test_suite_id"))
        return self._group(reading, parent)

    def _detached_job(self, source: str, document: Document) -> Translation:
        """Translate a group whose parent group is missing: it goes below its build."""
        reading = Reading(source, document)
        if self._links.level(reading.id) is not None:
            return None, []
        reading.note("parent_id", "not in the dump: moved directly below its build")
        return self._group(reading, None)

    def _group(self, reading: Reading, parent: str | None) -> Translation:
        build = self._links.build_of(reading.id)
        ancestor = self._links.build(build)
        result = self._links.group_result(reading.id)
        draft = job(reading, parent or build, ancestor, self._storage, result)
        return draft, reading.problems

    def _test(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        group = id_of(document.get("test_group_id") or document.get("test_suite_id"))
        ancestor = {
            **self._links.build(self._links.build_of(group or "")),
            **select(self._links.group(group), GROUP_FIELDS),
        }
        part_of = self._links.regression(id_of(document.get("regression_id")))
        return test(reading, ancestor, part_of), reading.problems

    def _boot(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        build = id_of(document.get("build_id") or document.get("defconfig_id"))
        ancestor = self._links.build(build)
        return boot(reading, build, ancestor, self._storage), reading.problems

    def _regression(self, copies: RegressionCopies) -> Translation:
        reading = Reading("test_regression", copies.document)
        revisions = [
            self._links.revision_of(id_of(run.get("build_id")))
            for run in runs_of(copies.document)
        ]
        result = Result.PASS if copies.is_fixed else Result.FAIL
        draft = regression(reading, copies.document, copies.ids, result, revisions)
        return draft, reading.problems

    def _bisection(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.regression(id_of(document.get("regression_id")))
        if parent is None:
            parent = self._links.find_revision(document)
            reading.note("regression_id", "not in the dump: moved below the checkout")
        return bisection(reading, parent), reading.problems

    def _report(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.find_revision(document)
        return report(reading, parent), reading.problems


def _read(
    files: dict[str, list[Collection]],
    role: str,
    translate: Callable[[str, Document], Translation],
    suffix: str = "",
) -> Iterator[Step]:
    """Yield a step for each file of a role."""
    for collection in files.get(role, ()):
        documents = partial(_pending, collection, translate)
        yield Step(f"{collection.name}{suffix}", collection.name, documents)


def _pending(
    collection: Collection,
    translate: Callable[[str, Document], Translation],
    skip: int,
) -> Iterator[Pending | Unreadable]:
    for document in collection.documents(skip):
        if isinstance(document, Unreadable):
            yield document
        else:
            id_ = str(document.get("_id"))
            yield Pending(id_, partial(translate, collection.name, document))


def _only(fields: Document, names: Iterable[str]) -> Document:
    return {name: fields[name] for name in names if name in fields}
