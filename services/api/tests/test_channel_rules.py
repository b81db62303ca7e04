# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages of clients, who gets them, and who may publish them."""

from datetime import UTC, datetime

import pytest

from kci_api.callers.rules import Caller, check_unrestricted
from kci_api.channels.rules import (
    MAX_EVENT_BYTES,
    Message,
    check_channel,
    cloud_event,
)
from kci_api.events.rules import Entry
from kci_api.subscriptions.rules import (
    MAX_ID,
    Reach,
    Subscription,
    check_owner,
    new_id,
)
from kci_shared.errors import NotPermitted, TooLarge

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ALICE = Caller("alice")


def test_the_channel_of_nodes_takes_no_messages() -> None:
    with pytest.raises(NotPermitted, match="change a node instead"):
        check_channel("node")
    check_channel("retry")


def test_a_message_belongs_to_its_caller_whatever_it_claims() -> None:
    message = Message(data={"a": 1}, attributes={"owner": "mallory", "priority": 3})
    event = cloud_event(message, ALICE, NOW)
    assert event["owner"] == "alice"
    assert event["priority"] == 3
    assert event["time"] == "2026-11-01T00:00:00.000+00:00"
    assert event["id"] != cloud_event(message, ALICE, NOW)["id"]


def test_a_message_has_a_greatest_size() -> None:
    with pytest.raises(TooLarge):
        cloud_event(Message(data="x" * MAX_EVENT_BYTES), ALICE, NOW)


@pytest.mark.parametrize(
    ("reach", "channel", "owner", "gets"),
    [
        (Reach.OWN, "retry", "alice", True),
        (Reach.OWN, "retry", None, True),
        (Reach.OWN, "retry", "bob", False),
        (Reach.ALL, "retry", "bob", True),
        (Reach.ALL, "node", "alice", False),
    ],
)
def test_a_subscription_gets_the_events_within_its_reach(
    reach: Reach, channel: str, owner: str | None, gets: bool
) -> None:
    entry = Entry(7, {"owner": owner, "data": {}}, channel=channel)
    assert Subscription(1, "retry", "alice", reach).matches(entry) is gets


def test_an_event_carries_its_position_in_every_format() -> None:
    entry = Entry(7, {"id": "a"}, channel="retry")
    assert entry.text == '{"id":"a","_sequence_id":7}'
    assert entry.frame == b'id: 7\ndata: {"id":"a","_sequence_id":7}\n\n'
    assert b'"channel":"retry"' in entry.message


def test_ids_of_subscriptions_are_numbers_that_every_client_can_read() -> None:
    assert all(1 <= new_id() <= MAX_ID for _ in range(100))


def test_a_subscription_is_its_users_own() -> None:
    check_owner("alice", "alice")
    with pytest.raises(NotPermitted, match="another user"):
        check_owner("alice", "bob")


def test_a_token_for_one_lab_is_restricted() -> None:
    check_unrestricted(ALICE)
    check_unrestricted(Caller("service", scopes=frozenset({"nodes:write"})))
    with pytest.raises(NotPermitted):
        check_unrestricted(Caller("lab", scopes=frozenset({"runtime:lab"})))
