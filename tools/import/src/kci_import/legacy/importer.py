# SPDX-License-Identifier: LGPL-2.1-or-later
"""Imports a dump: indexes it, then translates and sends it step by step."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from rich.progress import Progress

from kci_import.checkpoint import Checkpoint
from kci_import.fit import Draft
from kci_import.legacy.dump import Collection, Document, Unreadable
from kci_import.legacy.fields import COLLECTIONS
from kci_import.legacy.index import ORDER, Index
from kci_import.legacy.links import Links
from kci_import.legacy.parents import Parents
from kci_import.legacy.skipped import problems_of_skipped
from kci_import.legacy.steps import Pending, Step, Steps
from kci_import.problems import Problem, refusal
from kci_import.writer import Writer
from kci_shared.models import Fate

T = TypeVar("T")
MALFORMED = (
    TypeError,
    ValueError,
    AttributeError,
    KeyError,
    IndexError,
    OverflowError,
)
"""What reading raises for a document unlike those of any legacy version."""
INDEX_BATCH = 5000
"""Documents that are indexed in one transaction."""


@dataclass
class Translated:
    """The drafts and problems of a batch of documents."""

    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    """One for each document that cannot be translated."""


def fingerprint(collections: Iterable[Collection]) -> str:
    """Return a hash that differs between two dumps in the same folder."""
    files = [(one.name, one.file.stat()) for one in collections]
    facts = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in files])
    return sha256(facts.encode()).hexdigest()[:12]


class LegacyImport:
    """Imports one dump; continues where an interrupted run ended."""

    def __init__(
        self, checkpoint: Checkpoint, writer: Writer, progress: Progress, batch: int
    ) -> None:
        self._checkpoint = checkpoint
        self._writer = writer
        self._progress = progress
        self._batch = batch

    async def run(self, collections: list[Collection], storage: str) -> None:
        """Import the collections, whose artifacts are at the URL `storage`."""
        index, links = Index(self._checkpoint.db), Links(self._checkpoint.db)
        if self._checkpoint.value("ended") == "yes":
            self._checkpoint.restart()
            with self._checkpoint.db:
                index.clear()
        self._checkpoint.set_value("ended", "no")
        files: dict[str, list[Collection]] = {}
        for one in collections:
            files.setdefault(COLLECTIONS.get(one.name, ""), []).append(one)
        for role in ORDER:
            for one in files.get(role, ()):
                self._index(index, role, one)
        with self._checkpoint.db:
            Parents(self._checkpoint.db).resolve(self._checkpoint.add_problems)
        for step in Steps(links, storage).plan(files):
            await self._import(step)
        for one in files.get("", ()):
            with self._checkpoint.db:
                self._checkpoint.add_problems(problems_of_skipped(one))
        self._checkpoint.set_value("ended", "yes")

    def _index(self, index: Index, role: str, collection: Collection) -> None:
        """Add a collection to the index."""
        name = _index_step(collection.name)
        position = self._checkpoint.position(name)
        task = self._progress.add_task(name, completed=position, total=None)
        for documents in chunks(collection.documents(position), INDEX_BATCH):
            with self._checkpoint.db:
                refused = _add_each(index, role, collection.name, documents)
                self._checkpoint.add_problems(refused)
                position += len(documents)
                self._checkpoint.set_position(name, position)
            self._progress.update(task, completed=position)
        self._progress.update(task, total=position)

    async def _import(self, step: Step) -> None:
        """Translate and send the documents of a step."""
        position = self._checkpoint.position(step.name)
        total = self._checkpoint.position(_index_step(step.source)) or None
        task = self._progress.add_task(step.name, completed=position, total=total)
        for documents in chunks(step.documents(position), self._batch):
            translated = _translate(step.source, documents)
            batch = await self._writer.write(translated.drafts)
            batch.problems += [
                *translated.problems,
                *translated.refused,
                *(_orphan(*one) for one in batch.orphans),
            ]
            batch.fates[Fate.ORPHAN] += len(batch.orphans)
            batch.fates[Fate.REFUSED] += len(translated.refused)
            position += len(documents)
            with self._checkpoint.db:
                self._checkpoint.add_problems(batch.problems)
                self._checkpoint.count(step.name, batch.fates)
                self._checkpoint.set_position(step.name, position)
            self._progress.update(task, completed=position)
        self._progress.update(task, total=position)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def _index_step(collection: str) -> str:
    return f"read {collection}"


def _add_each(
    index: Index, role: str, source: str, documents: list[Document | Unreadable]
) -> list[Problem]:
    """Add documents to the index; return a problem for each that cannot be read."""
    refused: list[Problem] = []
    for document in documents:
        if isinstance(document, Unreadable):
            refused.append(refusal(source, "", str(document)))
            continue
        try:
            index.add(role, document)
        except MALFORMED as error:
            refused.append(_malformed(source, str(document.get("_id")), error))
    return refused


def _translate(source: str, documents: list[Pending | Unreadable]) -> Translated:
    translated = Translated()
    for document in documents:
        if isinstance(document, Unreadable):
            translated.refused.append(refusal(source, "", str(document)))
            continue
        try:
            draft, problems = document.translate()
        except MALFORMED as error:
            translated.refused.append(_malformed(source, document.id, error))
            continue
        translated.problems += problems
        if draft is not None:
            translated.drafts.append(draft)
    return translated


def _malformed(source: str, id_: str, error: Exception) -> Problem:
    return refusal(source, id_, f"malformed: {type(error).__name__}: {error}")


def _orphan(draft: Draft, needs: str) -> Problem:
    reason = f"it belongs to node {needs}, which is not here"
    return refusal(draft.source, draft.id, reason)
