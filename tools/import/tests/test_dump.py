# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dumps in all formats, whole or broken."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bson import ObjectId, encode, json_util

from kci_import.legacy.dump import Collection, Document, Unreadable, find_collections
from kci_shared.errors import KciError

DOCUMENTS: list[Document] = [
    {
        "_id": ObjectId(f"65265305c74695807499037{n}"),
        "created_on": datetime(2019, 1, 2, 3, 4, n, 5000, tzinfo=UTC),
        "size": 1.5,
        "n": n,
    }
    for n in range(5)
]


def as_array(documents: list[Document]) -> bytes:
    return json_util.dumps(documents, indent=1).encode()


def as_lines(documents: list[Document]) -> bytes:
    return b"\n".join(json_util.dumps(one).encode() for one in documents)


def as_bson(documents: list[Document]) -> bytes:
    return b"".join(encode(one) for one in documents)


FORMATS: dict[str, Callable[[list[Document]], bytes]] = {
    "job.json": as_array,
    "job.jsonl": as_lines,
    "job.bson": as_bson,
    "job.json.gz": lambda documents: gzip.compress(as_lines(documents)),
    "job.bson.gz": lambda documents: gzip.compress(as_bson(documents)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_of_the_mongodb_tools_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FORMATS[name](DOCUMENTS))
    (tmp_path / "job.metadata.json").write_text("{}")
    (tmp_path / "prelude.json").write_text("{}")
    (collection,) = find_collections(tmp_path)
    assert collection.name == "job"
    assert list(collection.documents()) == DOCUMENTS
    assert list(collection.documents(3)) == DOCUMENTS[3:]
    assert list(collection.documents(9)) == []


def test_a_broken_document_does_not_affect_the_next(
    tmp_path: Path,
) -> None:
    text = encode({"text": "good text"}).replace(b"good text", b"bad \xff\xfe\xfd!!")
    (tmp_path / "job.bson").write_bytes(text + as_bson(DOCUMENTS[:1]))
    first, second = Collection("job", tmp_path / "job.bson").documents()
    assert isinstance(first, Unreadable)
    assert second == DOCUMENTS[0]
    lines = b'{"_id": {"$oid": "zz"}}\n[1]\n' + as_lines(DOCUMENTS[:1])
    (tmp_path / "job.json").write_bytes(lines)
    *bad, last = Collection("job", tmp_path / "job.json").documents()
    assert all(isinstance(one, Unreadable) for one in bad)
    assert last == DOCUMENTS[0]


@pytest.mark.parametrize("name", ["job.json", "job.jsonl", "job.bson"])
def test_a_truncated_file_is_an_error_that_names_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FORMATS[name](DOCUMENTS)[:-7])
    documents = Collection("job", tmp_path / name).documents()
    with pytest.raises(KciError, match=name):
        list(documents)


@pytest.mark.parametrize("size", [0, 4, 2**31 - 1])
def test_an_impossible_size_is_an_error(size: int, tmp_path: Path) -> None:
    (tmp_path / "job.bson").write_bytes(size.to_bytes(4, "little") + b"x" * 100)
    with pytest.raises(KciError, match="invalid size"):
        list(Collection("job", tmp_path / "job.bson").documents())


def test_a_folder_without_a_dump_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KciError, match="no dump"):
        find_collections(tmp_path)


def test_two_files_of_one_collection_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("[]")
    (tmp_path / "job.bson").write_bytes(b"")
    with pytest.raises(KciError, match="two files of one collection"):
        find_collections(tmp_path)


@pytest.mark.parametrize("suffix", ["json", "bson"])
def test_memory_does_not_grow_with_the_dump(suffix: str, tmp_path: Path) -> None:
    one = {"text": "x" * 1000}
    write = {"bson": encode(one), "json": json.dumps(one).encode() + b"\n"}[suffix]
    (tmp_path / f"job.{suffix}").write_bytes(write * 8000)
    tracemalloc.start()
    try:
        documents = Collection("job", tmp_path / f"job.{suffix}").documents()
        assert sum(1 for _ in documents) == 8000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
