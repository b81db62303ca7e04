# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drafts as the API accepts them."""

from datetime import UTC, datetime

from kci_import.fit import Draft, fit

NODE_ID = "65265305c746958074990370"
NOW = datetime(2019, 1, 2, tzinfo=UTC)


def draft(node_id: str = NODE_ID, **fields: object) -> Draft:
    defaults = {"kind": "kbuild", "name": "build", "state": "done"}
    fields = {**defaults, **fields}
    return Draft("build", node_id, "them", NOW, NOW, fields, "legacy")


def test_a_valid_node_is_not_changed() -> None:
    data = {"arch": "arm64", "own": {"x": [1]}}
    fitted = fit(draft(data=data, artifacts={"kernel": "https://x.org/Image"}))
    assert fitted.node is not None
    assert fitted.node.node.data == data
    assert fitted.problems == []


def test_data_that_is_invalid_for_the_kind_is_kept_in_extra() -> None:
    data = {"arch": ["arm64"], "kernel_revision": {"tree": "next"}, "compiler": "gcc"}
    fitted = fit(draft(data=data))
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


def test_an_artifact_that_is_no_url_is_kept_in_extra() -> None:
    fitted = fit(draft(artifacts={"a": "ftp://x", "b": "http://x.org/b", "c": ""}))
    assert fitted.node is not None
    assert fitted.node.node.artifacts == {"b": "http://x.org/b"}
    assert fitted.node.node.data["legacy"]["extra"] == {"artifacts_a": "ftp://x"}


def test_values_that_are_too_long_are_cut_or_left_out() -> None:
    fitted = fit(draft(name="n" * 300, data={"log": "x" * 10**6}))
    assert fitted.node is not None
    assert fitted.node.node.name == "n" * 256
    assert "log" not in fitted.node.node.data
    assert [problem.field for problem in fitted.problems] == ["name", "data.log"]


def test_a_node_that_cannot_be_valid_is_refused() -> None:
    for broken in (draft("no id"), draft(kind="node"), draft(retry_counter=-1)):
        fitted = fit(broken)
        assert fitted.node is None
        assert fitted.problems[-1].message.startswith("refused: ")
