# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a database dump one document at a time, so that dumps of any size fit."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import ijson
from bson import CodecOptions, DatetimeConversion, decode, json_util
from bson.errors import BSONError

from kci_shared.errors import KciError

Document = dict[str, Any]
SUFFIXES = (".bson", ".json", ".jsonl", ".bson.gz", ".json.gz")
DOCUMENT_MAX_BYTES = (16 << 20) + (16 << 10)
"""MongoDB's limit for documents, and what it allows itself beyond it."""
OPTIONS: CodecOptions[Document] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
JSON_OPTIONS = json_util.JSONOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


class Unreadable(Exception):
    """A document that cannot be decoded; the following ones can be read."""


@dataclass(frozen=True)
class Collection:
    """A file of a dump."""

    name: str
    file: Path

    def documents(self, skip: int = 0) -> Iterator[Document | Unreadable]:
        """Yield the documents after the first `skip`."""
        with _open(self.file) as stream:
            if ".bson" in self.file.suffixes:
                yield from _read_bson(self.file, stream, skip)
            else:
                yield from islice(_read_json(self.file, stream), skip, None)


def find_collections(folder: Path) -> list[Collection]:
    """Return the collections in a folder that mongodump or mongoexport wrote.

    Raises `KciError` if there are none, or two files of one collection.
    """
    collections: dict[str, Collection] = {}
    for file in sorted(folder.iterdir()):
        suffix = next((end for end in SUFFIXES if file.name.endswith(end)), None)
        name = file.name.removesuffix(suffix or "")
        if suffix is None or name.endswith(".metadata") or name == "prelude":
            continue
        if name in collections:
            other = collections[name].file.name
            raise KciError(
                f"{folder}: two files of one collection: {other}, {file.name};"
                " remove one of them"
            )
        collections[name] = Collection(name, file)
    if not collections:
        patterns = ", ".join(f"*{end}" for end in SUFFIXES)
        raise KciError(f"{folder}: no dump: found none of {patterns}")
    return list(collections.values())


def _open(file: Path) -> IO[bytes]:
    if file.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(file))
    return file.open("rb")


def _read_bson(
    file: Path, stream: IO[bytes], skip: int
) -> Iterator[Document | Unreadable]:
    number = 0
    while head := stream.read(4):
        size = int.from_bytes(head, "little")
        if len(head) < 4 or not 5 <= size <= DOCUMENT_MAX_BYTES:
            raise KciError(
                f"{file}: document {number} has an invalid size: {size}; dump it again"
            )
        number += 1
        if number <= skip:
            stream.seek(size - 4, 1)
            continue
        body = stream.read(size - 4)
        if len(body) < size - 4:
            raise KciError(f"{file}: truncated in document {number - 1}; dump it again")
        try:
            yield decode(head + body, OPTIONS)
        except (BSONError, ValueError) as error:
            yield Unreadable(f"document {number - 1}: {error}")


def _read_json(file: Path, stream: IO[bytes]) -> Iterator[Document | Unreadable]:
    """Read an array of documents, or a sequence of documents."""
    start = stream.read(1)
    while start.isspace():
        start = stream.read(1)
    if not start:
        return
    stream.seek(0)
    prefix = "item" if start == b"[" else ""
    items = ijson.items(stream, prefix, multiple_values=True, use_float=True)
    number = 0
    while True:
        try:
            item = next(items, None)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise KciError(
                f"{file}: invalid JSON after document {number}: {error}"
            ) from error
        if item is None:
            return
        try:
            yield _extended(item)
        except (TypeError, ValueError, KeyError, BSONError, RecursionError) as error:
            yield Unreadable(f"document {number}: {type(error).__name__}: {error}")
        number += 1


def _extended(item: Any) -> Document:
    """Decode MongoDB's extended JSON, such as `{"$oid": …}`."""
    document = json_util.loads(json.dumps(item), json_options=JSON_OPTIONS)
    if not isinstance(document, dict):
        raise TypeError(f"expected a document, found a {type(document).__name__}")
    return document
