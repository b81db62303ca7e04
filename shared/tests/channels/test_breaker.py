# SPDX-License-Identifier: LGPL-2.1-or-later
from kci_shared.channels.breaker import LONGEST_PAUSE_S, Breaker, Outage


def outage(since: float, reason: str = "refused") -> Outage:
    return Outage("no connection", reason, "start it", since)


def breaker(jitter: float = 0.0) -> Breaker:
    return Breaker(lambda: jitter)


def test_a_channel_is_up_until_it_fails() -> None:
    one = breaker()
    assert not one.is_down
    assert one.fail(outage(10))
    assert one.is_down


def test_a_later_fault_changes_the_reason_and_not_since_when() -> None:
    one = breaker()
    one.fail(outage(10))
    assert not one.fail(outage(20, "expired"))
    assert one.outage == outage(10, "expired")


def test_pauses_double_up_to_the_longest() -> None:
    one = breaker()
    one.fail(outage(10))
    pauses = [one.pause_s() for _ in range(9)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S, 30]


def test_jitter_makes_pauses_shorter() -> None:
    one = breaker(jitter=0.5)
    one.fail(outage(10))
    assert [one.pause_s(), one.pause_s()] == [0.45, 0.9]


def test_a_new_outage_starts_with_the_first_pause() -> None:
    one = breaker()
    one.fail(outage(10))
    pauses = [one.pause_s() for _ in range(4)]
    one.recover(20)
    one.fail(outage(20 + pauses[-1] + 1))
    assert one.pause_s() == 0.5


def test_a_channel_that_fails_right_after_a_probe_is_probed_less_and_less() -> None:
    one, now = breaker(), 10.0
    pauses = []
    for _ in range(5):
        one.fail(outage(now))
        pauses.append(one.pause_s())
        one.recover(now + pauses[-1])
        now += pauses[-1]
    assert pauses == [0.5, 1, 2, 4, 8]


def test_the_time_of_all_outages_is_counted() -> None:
    one = breaker()
    assert one.down_s(10) == 0
    one.fail(outage(10))
    assert one.down_s(13) == 3
    one.recover(15)
    one.fail(outage(100))
    assert one.down_s(101) == 6
