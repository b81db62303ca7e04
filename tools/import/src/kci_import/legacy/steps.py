# SPDX-License-Identifier: LGPL-2.1-or-later
"""The steps of an import: which documents, in which order, and what each becomes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from kci_import.fit import Draft
from kci_import.legacy.builds import checkout, kbuild, made_kbuild
from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import (
    OF_BUILD,
    OF_GROUP,
    OF_REVISION,
    Facts,
    Reading,
    facts,
    id_of,
)
from kci_import.legacy.links import Links
from kci_import.legacy.regressions import bisection, regression, report, steps
from kci_import.legacy.tests import boot, job, test
from kci_import.problems import Problem
from kci_shared.models import Result

Documents = Callable[[int], Iterator[Document | Unreadable]]
Translation = tuple[Draft | None, list[Problem]]


@dataclass(frozen=True)
class Step:
    """Documents of one sort; `documents` yields those after the first so many."""

    name: str
    source: str
    documents: Documents
    translate: Callable[[Document], Translation]


class Steps:
    """Knows for each sort of document what it needs to be told of the others."""

    def __init__(self, links: Links, storage: str) -> None:
        self._links = links
        self._storage = storage

    def plan(self, files: dict[str, list[Collection]]) -> Iterator[Step]:
        """Yield the steps: parents come before their children."""

        def read(role: str, translate: Callable[..., Translation]) -> Iterator[Step]:
            for one in files.get(role, ()):
                bound = partial(translate, one.name)
                yield Step(one.name, one.name, one.documents, bound)

        yield from read("job", self._checkout)
        yield self._made("job", self._made_checkout)
        yield from read("build", self._kbuild)
        yield self._made("build", self._made_kbuild)
        for level in range(self._links.levels()):
            for step in read("test_group", partial(self._job, level)):
                named = f"{step.name}, level {level + 1}"
                yield Step(named, step.source, step.documents, step.translate)
        if self._links.any_lost():
            for step in read("test_group", self._lost_job):
                named = f"{step.name}, lost"
                yield Step(named, step.source, step.documents, step.translate)
        yield from read("test_case", self._test)
        yield from read("boot", self._boot)
        yield Step(
            "test_regression",
            "test_regression",
            _from(self._links.regressions),
            self._regression,
        )
        yield from read("bisect", self._bisection)
        yield from read("report", self._report)

    def _made(self, table: str, translate: Callable[..., Translation]) -> Step:
        def documents() -> Iterator[Document]:
            for node_id, said, at in self._links.made(table):
                yield {"_id": node_id, "created_on": at, "facts": said}

        return Step(f"{table}, made", table, _from(documents), translate)

    def _checkout(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        said = facts(document, OF_REVISION)
        result = self._links.checkout_result(reading.id)
        return checkout(reading, said, result), reading.problems

    def _made_checkout(self, document: Document) -> Translation:
        said: Facts = document.pop("facts")
        reading = Reading("job", document)
        result = self._links.checkout_result(reading.id)
        known = {name: said[name] for name in OF_REVISION if name in said}
        return checkout(reading, known, result), reading.problems

    def _kbuild(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.job_of(reading.id)
        above, log = self._links.revision(parent), self._links.log(reading.id)
        node = kbuild(reading, parent, above, self._storage, log)
        return node, reading.problems

    def _made_kbuild(self, document: Document) -> Translation:
        said: Facts = document.pop("facts")
        reading = Reading("build", document)
        parent = self._links.job_of(reading.id)
        known = {name: said[name] for name in OF_BUILD if name in said}
        return made_kbuild(reading, parent, known), reading.problems

    def _job(self, level: int, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        if self._links.level(reading.id) != level:
            return None, []
        parent = id_of(document.get("parent_id") or document.get("test_suite_id"))
        return self._group(reading, parent)

    def _lost_job(self, source: str, document: Document) -> Translation:
        """Hang a group whose group is lost below its build."""
        reading = Reading(source, document)
        if self._links.level(reading.id) is not None:
            return None, []
        reading.tell("parent_id", "not in the dump: it is now right below its build")
        return self._group(reading, None)

    def _group(self, reading: Reading, parent: str | None) -> Translation:
        build = self._links.build_of(reading.id)
        above = self._links.build(build)
        result = self._links.group_result(reading.id)
        node = job(reading, parent or build, above, self._storage, result)
        return node, reading.problems

    def _test(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        group = id_of(document.get("test_group_id") or document.get("test_suite_id"))
        above = {
            **self._links.build(self._links.build_of(group or "")),
            **facts(self._links.group(group), OF_GROUP),
        }
        part_of = self._links.regression(id_of(document.get("regression_id")))
        return test(reading, above, part_of), reading.problems

    def _boot(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        build = id_of(document.get("build_id") or document.get("defconfig_id"))
        known = self._links.build(build)
        return boot(reading, build, known, self._storage), reading.problems

    def _regression(self, document: Document) -> Translation:
        said = document["document"]
        reading = Reading("test_regression", said)
        revisions = [
            self._links.revision_of(id_of(step.get("build_id"))) for step in steps(said)
        ]
        result = Result.PASS if document["over"] else Result.FAIL
        node = regression(reading, said, document["ids"], result, revisions)
        return node, reading.problems

    def _bisection(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.regression(id_of(document.get("regression_id")))
        if parent is None:
            parent = self._links.find_revision(document)
            reading.tell("regression_id", "not in the dump: it is below the checkout")
        return bisection(reading, parent), reading.problems

    def _report(self, source: str, document: Document) -> Translation:
        reading = Reading(source, document)
        parent = self._links.find_revision(document)
        return report(reading, parent), reading.problems


def _from(documents: Callable[[], Iterable[Document]]) -> Documents:
    def after(skip: int) -> Iterator[Any]:
        return islice(iter(documents()), skip, None)

    return after
