"""What an observer's notes say: outages, pauses, lost orders."""

from __future__ import annotations

import json

from orchestrator.lab.sites.observations import Attempt, longest_pause, lost, outages, parse, slow_spells


def good(began: float, number: int, took: float = 0.01) -> Attempt:
    return Attempt(began, began + took, "", number)


def bad(began: float, took: float = 1.0) -> Attempt:
    return Attempt(began, began + took, "", None)


def in_order(*attempts: Attempt) -> list[Attempt]:
    return sorted(attempts, key=lambda attempt: attempt.ended)


def test_an_outage_runs_from_the_first_failed_order_to_the_first_acknowledged_one() -> None:
    seen = outages(in_order(good(1.0, 1), bad(1.1), bad(2.0), bad(3.0), good(5.0, 2), good(5.1, 3)))
    assert len(seen) == 1
    assert (seen[0].first_failed, seen[0].first_ok, seen[0].failed) == (1.1, 5.01, 3)
    assert round(seen[0].seconds or 0, 6) == 3.91
    assert round(seen[0].pause or 0, 6) == 4.0


def test_an_order_that_fails_long_after_the_service_was_back_belongs_to_the_outage_it_began_in() -> None:
    seen = outages(in_order(good(1.0, 1), bad(1.1, took=3.0), good(2.0, 2), good(2.1, 3), good(4.5, 4)))
    assert [outage.first_failed for outage in seen] == [1.1]
    assert seen[0].first_ok == 2.01


def test_one_failed_order_between_two_good_ones_is_no_outage() -> None:
    assert outages(in_order(good(1.0, 1), bad(1.05, took=0.01), good(1.1, 2))) == []


def test_an_outage_that_lasts_has_no_end() -> None:
    seen = outages(in_order(good(1.0, 1), bad(1.1), bad(1.2)))
    assert seen[0].first_ok is None
    assert seen[0].seconds is None


def test_a_service_that_never_answered_has_one_outage_without_a_beginning() -> None:
    seen = outages(in_order(bad(1.0), bad(2.0), good(4.0, 1)))
    assert (seen[0].last_ok, seen[0].pause, round(seen[0].seconds or 0, 6)) == (None, None, 3.01)


def test_a_pause_without_a_failed_order_counts_as_a_pause_only() -> None:
    attempts = in_order(good(1.0, 1), good(4.0, 2), good(4.1, 3))
    assert outages(attempts) == []
    assert round(longest_pause(attempts), 6) == 3.0


def test_acknowledged_orders_that_did_not_survive_are_named() -> None:
    attempts = in_order(good(1.0, 1), good(1.1, 2), bad(1.2), good(1.3, 4))
    assert lost(attempts, {1, 4, 5}) == [2]


def test_a_line_that_was_cut_off_does_not_count() -> None:
    whole = json.dumps({"began": 1.0, "ended": 1.1, "at": "2026-01-01T00:00:00Z", "number": 7})
    assert [attempt.number for attempt in parse([whole + "\n", whole[:20]])] == [7]


def orders(*seconds: float) -> list[Attempt]:
    """One each tenth of a second, in the order of their ends."""
    return in_order(*(good(place / 10, place, took) for place, took in enumerate(seconds)))


def test_a_slow_spell_runs_from_its_first_slow_order_to_the_first_order_as_fast_as_before() -> None:
    (seen,) = slow_spells(orders(*[0.01] * 10, *[0.2] * 20, *[0.01] * 10), beyond=0.05)
    assert (seen.first_failed, seen.failed) == (1.0, 20)
    assert round(seen.first_ok or 0, 6) == 3.01
    assert round(seen.last_ok or 0, 6) == 0.91


def test_a_single_slow_order_is_no_slow_spell() -> None:
    assert slow_spells(orders(*[0.01] * 10, 0.5, *[0.01] * 10), beyond=0.05) == []


def test_a_fast_order_now_and_then_does_not_end_a_slow_spell() -> None:
    (seen,) = slow_spells(orders(*[0.01] * 5, *[0.2, 0.2, 0.2, 0.01] * 5, *[0.01] * 10), beyond=0.05)
    assert (seen.first_failed, seen.failed) == (0.5, 15)


def test_two_slow_spells_with_little_between_them_are_one_and_with_more_they_are_two() -> None:
    def between(count: int) -> int:
        return len(slow_spells(orders(*[0.2] * 10, *[0.01] * count, *[0.2] * 10, *[0.01] * 10), beyond=0.05))

    assert (between(8), between(20)) == (1, 2)


def test_an_order_that_failed_was_slow_and_a_slow_spell_that_lasts_has_no_end() -> None:
    (seen,) = slow_spells(in_order(*(bad(place / 10, took=0.01) for place in range(10))), beyond=0.05)
    assert (seen.first_failed, seen.first_ok, seen.seconds, seen.failed) == (0.0, None, None, 10)
