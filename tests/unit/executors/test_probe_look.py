"""Looking until it holds, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.probe_look import Sight, blind, judge_of, look_until_holds, natural
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.testing import START, FakeClock


class Reins:
    """A Control on the fake clock: waiting passes time."""

    def __init__(self, clock: FakeClock, seconds: float = 100.0, pulled: tuple[int, Wish] | None = None) -> None:
        self._clock, self._until, self._pulled = clock, clock.mono() + seconds, pulled
        self.waits: list[float] = []
        self.wish = Wish.GO

    def wait(self, seconds: float) -> Wish:
        self.waits.append(seconds)
        self._clock.pass_time(seconds)
        if self._pulled and len(self.waits) == self._pulled[0]:
            self.wish = self._pulled[1]
        return self.wish

    def remaining(self) -> float:
        return max(0.0, self._until - self._clock.mono())


class Looks:
    """Sees one thing after the other, the last one for ever; each look takes its time."""

    def __init__(self, clock: FakeClock, *seen: Sight, takes: float = 0.0) -> None:
        self._clock, self._takes = clock, takes
        self._seen: Iterator[Sight] = iter(seen)
        self._last = seen[-1]

    def __call__(self, _: Control) -> Sight:
        self._clock.pass_time(self._takes)
        self._last = next(self._seen, self._last)
        return self._last


def look(
    clock: FakeClock,
    looks: Looks,
    reins: Reins | None = None,
    within: float | None = None,
    every: float = 0.5,
    **expect: Any,
) -> Outcome:
    judge = judge_of(expect, "tcp")
    return look_until_holds(looks, judge, reins or Reins(clock), clock, within=within, every=every)[0]


OPEN, SHUT = Sight({"open": True}), Sight({"open": False, "error": "refused"})


def test_the_first_look_is_at_once_and_it_held_when_that_had_its_answer() -> None:
    clock = FakeClock()
    outcome = look(clock, Looks(clock, OPEN, takes=2.0), within=10)
    assert outcome == Outcome(
        Ending.OK, output={"open": True, "looked": 1}, milestones={"held_at": "2026-01-05T03:00:02.000000Z"}
    )
    assert START.isoformat() == "2026-01-05T03:00:00+00:00"


def test_it_looks_again_in_step_with_every() -> None:
    clock = FakeClock()
    reins = Reins(clock)
    outcome = look(clock, Looks(clock, SHUT, SHUT, OPEN, takes=0.2), reins, within=10, every=0.5)
    assert outcome.output["looked"] == 3
    assert reins.waits == [pytest.approx(0.3), pytest.approx(0.3)]
    assert outcome.milestones["held_at"] == "2026-01-05T03:00:01.200000Z"


def test_a_look_slower_than_every_is_followed_at_once() -> None:
    clock = FakeClock()
    reins = Reins(clock)
    assert look(clock, Looks(clock, SHUT, OPEN, takes=3.0), reins, within=10).ok
    assert reins.waits == [0.0]


def test_without_within_there_is_one_look() -> None:
    clock = FakeClock()
    outcome = look(clock, Looks(clock, SHUT, OPEN))
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "open: wanted True, got False (refused)"
    assert outcome.output == {"open": False, "error": "refused", "looked": 1}


def test_what_does_not_hold_in_time_fails_and_says_how_often_it_was_looked() -> None:
    clock = FakeClock()
    outcome = look(clock, Looks(clock, SHUT), within=1.0, every=0.5)
    assert outcome.ending is Ending.FAILED
    assert outcome.error.startswith("not within 1.0 s (3 looks): open: wanted True")


def test_the_jobs_own_time_is_a_limit_too() -> None:
    clock = FakeClock()
    outcome = look(clock, Looks(clock, SHUT), Reins(clock, 2.0), within=50.0)
    assert outcome.ending is Ending.FAILED
    assert outcome.output["looked"] == 5


def test_a_blind_look_is_not_held_even_where_nothing_is_expected_of_it() -> None:
    clock = FakeClock()
    outcome = look(clock, Looks(clock, blind("no network", "plug it in")))
    assert (outcome.ending, outcome.error, outcome.mend) == (Ending.FAILED, "no network", "plug it in")
    assert outcome.output == {}


def test_a_blind_look_may_be_followed_by_one_that_sees() -> None:
    clock = FakeClock()
    assert look(clock, Looks(clock, blind("no network"), OPEN), within=5).ok


def test_whatever_a_look_throws_is_a_blind_look() -> None:
    def broken(_: Control) -> Sight:
        raise ZeroDivisionError("inside a library")

    clock = FakeClock()
    outcome, _ = look_until_holds(broken, lambda _: [], Reins(clock), clock, within=None, every=1)
    assert outcome.ending is Ending.FAILED and "inside a library" in outcome.error


@pytest.mark.parametrize(("wish", "ending"), [(Wish.CANCEL, Ending.UNKNOWN), (Wish.DETACH, Ending.LEFT)])
def test_it_stops_between_looks(wish: Wish, ending: Ending) -> None:
    clock = FakeClock()
    assert look(clock, Looks(clock, SHUT), Reins(clock, pulled=(2, wish)), within=50).ending is ending


def test_the_clock_may_jump_and_the_looks_go_on() -> None:
    clock = FakeClock()

    class Jumping(Looks):
        def __call__(self, control: Control) -> Sight:
            clock.jump(-3600)
            return super().__call__(control)

    assert look(clock, Jumping(clock, SHUT), within=2.0).output["looked"] == 5


@pytest.mark.parametrize(
    ("kind", "output", "good"),
    [
        ("tcp", {"open": True}, True),
        ("tcp", {"open": False}, False),
        ("http", {"status": 302}, True),
        ("http", {"status": 400}, False),
        ("sql", {"value": True, "rowcount": 1}, True),
        ("sql", {"value": 0, "rowcount": 1}, True),
        ("sql", {"value": "", "rowcount": 1}, True),
        ("sql", {"value": False, "rowcount": 1}, False),
        ("sql", {"value": None, "rowcount": 1}, False),
        ("sql", {"value": None, "rowcount": 0}, False),
        ("command", {"rc": 0}, True),
        ("command", {"rc": 1}, False),
        ("testinfra", {"exists": True, "uid": 0}, True),
        ("testinfra", {"exists": False}, False),
    ],
)
def test_what_a_probe_naturally_should_see(kind: str, output: dict[str, Any], good: bool) -> None:
    assert (natural(kind, output) == []) is good


def test_a_stated_expectation_replaces_the_natural_one() -> None:
    assert judge_of({"open": False}, "tcp")({"open": False}) == []
    assert judge_of({"output.open": {"equals": True}}, "tcp")({"open": False}) == [
        "output.open: wanted True, got False"
    ]
    with pytest.raises(ValueError, match="regular expression"):
        judge_of({"x": {"matches": "("}}, "tcp")
