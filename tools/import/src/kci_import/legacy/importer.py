# SPDX-License-Identifier: LGPL-2.1-or-later
"""Import a dump: a walk to learn who belongs to whom, then one to bring it all."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from rich.progress import Progress

from kci_import.checkpoint import State
from kci_import.fit import Draft
from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import COLLECTIONS
from kci_import.legacy.index import ORDER, Index
from kci_import.legacy.links import Links
from kci_import.legacy.skipped import left_out
from kci_import.legacy.steps import Step, Steps
from kci_import.problems import Problem
from kci_import.writer import Writer
from kci_shared.models import Fate

T = TypeVar("T")
ODD = (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError)
"""What a document of a form raises that no version of legacy is known to have had."""
INDEXED = 5000
"""Documents between two notes of how far the first walk is."""


def fingerprint(collections: Iterable[Collection]) -> str:
    """Name a dump: another one under the same address has another name."""
    files = [(one.name, one.file.stat()) for one in collections]
    told = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in files])
    return sha256(told.encode()).hexdigest()[:12]


class LegacyImport:
    """Brings one dump; may be killed anywhere, and goes on from there."""

    def __init__(
        self, state: State, writer: Writer, progress: Progress, batch: int
    ) -> None:
        self._state = state
        self._writer = writer
        self._progress = progress
        self._batch = batch

    async def run(self, collections: list[Collection], storage: str) -> None:
        """Bring what is in the collections; artifacts are at `storage`."""
        index, links = Index(self._state.db), Links(self._state.db)
        if self._state.fact("ended") == "yes":
            self._state.restart()
            with self._state.db:
                index.forget()
        self._state.note("ended", "no")
        files: dict[str, list[Collection]] = {}
        for one in collections:
            files.setdefault(COLLECTIONS.get(one.name, ""), []).append(one)
        for role in ORDER:
            for one in files.get(role, ()):
                self._learn(index, role, one)
        with self._state.db:
            links.resolve(self._state.tell)
        for step in Steps(links, storage).plan(files):
            await self._bring(step)
        for one in files.get("", ()):
            self._leave_out(one)
        self._state.note("ended", "yes")

    def _leave_out(self, collection: Collection) -> None:
        """Tell of what has no place here, or is to be done by hand."""
        with self._state.db:
            self._state.tell(left_out(collection))

    def _learn(self, index: Index, role: str, collection: Collection) -> None:
        name = f"read {collection.name}"
        place = self._state.place(name)
        task = self._progress.add_task(name, completed=place, total=None)
        for some in chunks(collection.documents(place), INDEXED):
            with self._state.db:
                self._state.tell(_learn_each(index, role, collection.name, some))
                place += len(some)
                self._state.move(name, place)
            self._progress.update(task, completed=place)
        self._progress.update(task, total=place)

    async def _bring(self, step: Step) -> None:
        place = self._state.place(step.name)
        total = self._state.place(f"read {step.source}") or None
        task = self._progress.add_task(step.name, completed=place, total=total)
        for some in chunks(step.documents(place), self._batch):
            drafts, problems = _translate(step, some)
            batch = await self._writer.write(drafts)
            batch.problems += [*problems, *(_orphan(*one) for one in batch.orphans)]
            batch.fates[Fate.ORPHAN] += len(batch.orphans)
            batch.fates[Fate.REFUSED] += sum(map(_is_refusal, problems))
            place += len(some)
            with self._state.db:
                self._state.tell(batch.problems)
                self._state.count(step.name, batch.fates)
                self._state.move(step.name, place)
            self._progress.update(task, completed=place)
        self._progress.update(task, total=place)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield up to so many at once."""
    source = iter(items)
    while some := list(islice(source, size)):
        yield some


def _learn_each(
    index: Index, role: str, source: str, documents: list[Document | Unreadable]
) -> list[Problem]:
    problems: list[Problem] = []
    for document in documents:
        if isinstance(document, Unreadable):
            problems.append(_unreadable(source, document))
            continue
        try:
            index.note(role, document)
        except ODD as error:
            problems.append(_odd(source, document, error))
    return problems


def _translate(
    step: Step, documents: list[Document | Unreadable]
) -> tuple[list[Draft], list[Problem]]:
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for document in documents:
        if isinstance(document, Unreadable):
            problems.append(_unreadable(step.source, document))
            continue
        try:
            draft, told = step.translate(document)
        except ODD as error:
            draft, told = None, [_odd(step.source, document, error)]
        problems += told
        if draft is not None:
            drafts.append(draft)
    return drafts, problems


def _odd(source: str, document: Document, error: Exception) -> Problem:
    said = f"refused: {type(error).__name__}: {error}"
    return Problem(source, str(document.get("_id")), "", said)


def _unreadable(source: str, document: Unreadable) -> Problem:
    return Problem(source, "", "", f"refused: {document}")


def _orphan(draft: Draft, needs: str) -> Problem:
    said = f"refused: it hangs below {needs}, which is not here"
    return Problem(draft.source, draft.id, "", said)


def _is_refusal(problem: Problem) -> bool:
    return problem.field == "" and problem.said.startswith("refused")
