# SPDX-License-Identifier: LGPL-2.1-or-later
import pytest
from pydantic import ValidationError
from sample_nodes import NOW, node

from kci_shared.models import (
    Event,
    Job,
    Kind,
    NewNode,
    NodeChange,
    Op,
    State,
    may_become,
)
from kci_shared.models.definition import Definition
from kci_shared.models.nodes import IGNORED, Access, BaseNode, fields_with


def change(state: State, was: State | None) -> Event:
    return Event(
        id="n1-2",
        time=NOW,
        data=NodeChange(
            op=Op.UPDATED,
            id="n1",
            kind=Kind.JOB,
            name="boot",
            state=state,
            previous_state=was,
        ),
    )


def test_the_kind_selects_the_model_of_the_data() -> None:
    job = node(data={"platform": "board", "lab_fact": 1})
    assert isinstance(job, Job)
    assert job.data.platform == "board"
    assert job.data.model_extra == {"lab_fact": 1}


def test_an_unknown_field_of_a_new_node_is_an_error_that_names_it() -> None:
    with pytest.raises(ValidationError, match="colour"):
        NewNode.model_validate({"kind": "job", "name": "boot", "colour": "red"})


def test_read_only_fields_of_a_new_node_are_ignored() -> None:
    sent = {"kind": "job", "name": "boot", **dict.fromkeys(IGNORED, "x")}
    assert NewNode.model_validate(sent).model_fields_set == {"kind", "name"}


def test_a_field_is_editable_unless_it_is_marked() -> None:
    assert "data" in fields_with(Access.EDITABLE)
    assert fields_with(Access.FIXED) == ("kind", "name", "parent")
    every = [name for access in Access for name in fields_with(access)]
    assert sorted(every) == sorted(BaseNode.model_fields)


@pytest.mark.parametrize("state", list(State))
def test_nothing_follows_done_and_staying_is_always_allowed(state: State) -> None:
    assert may_become(State.DONE, state) == (state is State.DONE)
    assert may_become(state, state)


def test_a_node_that_was_already_done_did_not_become_done() -> None:
    assert change(State.DONE, was=State.RUNNING).became(State.DONE)
    assert not change(State.DONE, was=State.DONE).became(State.DONE)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a", "b", "a"], "2 tests have the id a; rename one"),
        ([".."], "tests.0.id"),
        (["-x"], "tests.0.id"),
    ],
)
def test_tests_with_equal_or_unsafe_ids_are_refused(ids: list[str], said: str) -> None:
    tests = [{"id": name, "run": "true"} for name in ids]
    with pytest.raises(ValidationError, match=said):
        Definition.model_validate({"artifacts": {}, "tests": tests})
