"""Losses, counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.executors.marker_count import MOST_PAUSES, count
from orchestrator.executors.marker_files import Acknowledged


def acks(*numbers: int, step: float = 0.5) -> list[Acknowledged]:
    return [Acknowledged(n, f"2026-01-05T03:00:{n:02d}.000000Z", 100 + n * step) for n in numbers]


def test_the_tail_that_is_missing_is_lost() -> None:
    assert count(acks(1, 2, 3, 4, 5), {1, 2, 3}) == {
        "written": 5,
        "survived": 3,
        "lost_transactions": 2,
        "lost_seconds": 1.0,
        "first_written_at": "2026-01-05T03:00:01.000000Z",
        "last_written_at": "2026-01-05T03:00:05.000000Z",
        "last_survived_at": "2026-01-05T03:00:03.000000Z",
        "unacknowledged_survived": 0,
        "longest_pause_s": 0.5,
        "pauses": [],
        "clock": "the controller's monotonic clock, when it was told of each commit",
    }


def test_pauses_of_a_second_and_more_are_listed_the_last_ones_where_they_are_many() -> None:
    moments = [0.0, 0.5, 1.5, 2.0]
    some = [Acknowledged(n, f"2026-01-05T03:00:0{n}.000000Z", moment) for n, moment in enumerate(moments)]
    found = count(some, range(4))
    assert found["pauses"] == [{"from": "2026-01-05T03:00:01.000000Z", "to": "2026-01-05T03:00:02.000000Z"}]
    assert "earlier_pauses" not in found

    many = [Acknowledged(n, f"2026-01-05T03:{n // 60:02}:{n % 60:02}.000000Z", 2.0 * n) for n in range(100)]
    found = count(many, range(100))
    assert (len(found["pauses"]), found["earlier_pauses"]) == (MOST_PAUSES, 99 - MOST_PAUSES)
    assert found["pauses"][-1]["to"] == many[-1].at


def test_nothing_lost_is_no_seconds() -> None:
    found = count(acks(1, 2), {1, 2})
    assert (found["lost_transactions"], found["lost_seconds"]) == (0, 0.0)


def test_a_commit_nobody_was_told_of_is_no_survivor_and_no_loss() -> None:
    found = count(acks(1, 2), {1, 2, 3})
    assert (found["written"], found["survived"], found["unacknowledged_survived"]) == (2, 2, 1)


def test_where_nothing_survived_the_seconds_are_unknown() -> None:
    found = count(acks(1, 2), set())
    assert found["lost_transactions"] == 2
    assert found["lost_seconds"] is None and found["last_survived_at"] is None


def test_a_survivor_among_the_lost_is_shown_and_shortens_nothing() -> None:
    found = count(acks(1, 2, 3, 4), {1, 3})
    assert (found["lost_transactions"], found["lost_seconds"], found["holes"]) == (2, 1.5, 1)


def test_what_a_client_was_told_after_the_takeover_does_not_hide_the_loss() -> None:
    found = count(acks(1, 2, 3, 4, 9, 10), {1, 2, 9, 10})
    assert (found["lost_transactions"], found["lost_seconds"], found.get("holes")) == (2, 1.0, None)
    assert found["last_survived_at"] == "2026-01-05T03:00:02.000000Z"
    assert found["last_written_at"] == "2026-01-05T03:00:10.000000Z"


def test_a_receipt_given_twice_is_one_transaction() -> None:
    assert count([*acks(1, 2), *acks(2)], {1})["written"] == 2


def test_receipts_without_a_monotonic_reading_go_by_the_clients_clock() -> None:
    receipts = [Acknowledged(n, f"2026-01-05T11:00:{n:02d}+08:00") for n in (1, 2, 4)]
    found = count(receipts, {1})
    assert found["lost_seconds"] == 3.0 and "client's wall clock" in found["clock"]


def test_a_wall_clock_that_jumped_does_not_change_the_seconds() -> None:
    jumped = [
        Acknowledged(e.number, "2026-01-05T02:00:00.000000Z" if e.number > 2 else e.at, e.mono) for e in acks(1, 2, 3)
    ]
    assert count(jumped, {1, 2})["lost_seconds"] == 0.5


@given(st.sets(st.integers(1, 59)), st.sets(st.integers(1, 80)))
def test_everything_written_has_survived_or_is_lost(written: set[int], survivors: set[int]) -> None:
    found = count(acks(*sorted(written)), survivors)
    assert found["written"] == found["survived"] + found["lost_transactions"] == len(written)
    assert found["unacknowledged_survived"] == len(survivors - written)
    assert found["lost_seconds"] is None or found["lost_seconds"] >= 0


def test_the_longest_pause_lies_between_two_that_follow_each_other() -> None:
    assert count(acks(1, 2, 6, 7), {1, 2, 6, 7})["longest_pause_s"] == 2.0
    assert count(acks(1), {1})["longest_pause_s"] is None
