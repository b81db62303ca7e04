# SPDX-License-Identifier: LGPL-2.1-or-later
from datetime import UTC, datetime
from typing import Any

from kci_import.fit import Draft, fit

NODE_ID = "65265305c746958074990370"
NOW = datetime(2019, 1, 2, tzinfo=UTC)


def draft(node_id: str = NODE_ID, **fields: Any) -> Draft:
    said = {"kind": "kbuild", "name": "build", "state": "done", **fields}
    return Draft("build", node_id, "them", NOW, NOW, said, "legacy")


def test_a_node_that_fits_is_not_touched() -> None:
    data = {"arch": "arm64", "own": {"x": [1]}}
    fitted = fit(draft(data=data, artifacts={"kernel": "https://x.org/Image"}))
    assert fitted.node is not None
    assert fitted.node.node.data == data
    assert fitted.problems == []


def test_data_that_the_kind_does_not_take_is_kept_aside() -> None:
    said = {"arch": ["arm64"], "kernel_revision": {"tree": "next"}, "compiler": "gcc"}
    fitted = fit(draft(data=said))
    assert fitted.node is not None
    assert fitted.node.node.data == {
        "compiler": "gcc",
        "legacy": {
            "extra": {
                "data_arch": ["arm64"],
                "data_kernel_revision": {"tree": "next"},
            }
        },
    }
    assert {problem.field for problem in fitted.problems} == {
        "data.arch",
        "data.kernel_revision",
    }


def test_an_artifact_that_is_no_url_is_kept_aside() -> None:
    fitted = fit(draft(artifacts={"a": "ftp://x", "b": "http://x.org/b", "c": ""}))
    assert fitted.node is not None
    assert fitted.node.node.artifacts == {"b": "http://x.org/b"}
    assert fitted.node.node.data["legacy"]["extra"] == {"artifacts_a": "ftp://x"}


def test_what_is_too_long_is_cut_or_left_out_and_told() -> None:
    fitted = fit(draft(name="n" * 300, data={"log": "x" * 10**6}))
    assert fitted.node is not None
    assert fitted.node.node.name == "n" * 256
    assert "log" not in fitted.node.node.data
    assert [problem.field for problem in fitted.problems] == ["name", "data.log"]


def test_what_fits_in_no_way_is_refused_by_name() -> None:
    for broken in (draft("no id"), draft(kind="node"), draft(retry_counter=-1)):
        fitted = fit(broken)
        assert fitted.node is None
        assert fitted.problems[-1].said.startswith("refused: ")
