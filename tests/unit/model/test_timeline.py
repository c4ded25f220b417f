"""One axis of time for a run, whatever the wall clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from example_runs import START, Writer, plan, step

from orchestrator.model.event import Event, EventKind
from orchestrator.model.timeline import Timeline, seconds


def event(seq: int, wall: float, mono: float, epoch: str = "a") -> Event:
    return Event("r", seq, EventKind.WARNING, START + timedelta(seconds=wall), mono, epoch, {})


def test_within_one_process_the_monotonic_clock_counts_though_the_wall_clock_was_set_back() -> None:
    line = Timeline([event(1, 0, 50), event(2, 10, 60), event(3, -3580, 70)])
    assert [seconds(at) for at in line.positions] == [0, 10, 20]
    assert line.basis(0, line.end) == "monotonic"


def test_from_one_process_to_the_next_the_wall_clock_connects_and_is_marked() -> None:
    line = Timeline([event(1, 0, 50), event(2, 10, 60), event(3, 100, 7, "b"), event(4, 105, 12, "b")])
    assert [seconds(at) for at in line.positions] == [0, 10, 100, 105]
    assert line.basis(0, 10_000_000) == "monotonic"
    assert line.basis(0, line.end) == "wall"
    assert line.basis(100_000_000, line.end) == "monotonic"


def test_no_clock_takes_the_run_back_in_time() -> None:
    line = Timeline([event(1, 0, 50), event(2, 5, 40), event(3, -90, 1, "b"), event(4, 0, 60)])
    assert line.positions == sorted(line.positions)


def test_a_process_that_comes_back_is_measured_by_its_own_clock() -> None:
    line = Timeline([event(1, 0, 50), event(2, 3, 9, "b"), event(3, 8, 58)])
    assert seconds(line.end) == 8


def test_a_moment_is_placed_by_the_wall_clocks_setting_of_its_own_time() -> None:
    # The clock is set back an hour between the second and the third event.
    events = [event(1, 0, 0), event(2, 10, 10), event(3, -3588, 12), event(4, -3580, 20)]
    line = Timeline(events)
    before, after = START + timedelta(seconds=9), START - timedelta(seconds=3585)
    assert seconds(line.place(before, events[1])) == 9
    assert seconds(line.place(after, events[3])) == 15
    assert seconds(line.place(before, events[3])) == 20, "what would lie after the event that tells it is cut off"


def test_a_moment_before_the_run_lies_before_its_beginning() -> None:
    events = [event(1, 0, 0), event(2, 1, 1)]
    line = Timeline(events)
    assert seconds(line.place(START - timedelta(minutes=9), events[1])) == -540
    assert line.basis(-1, 0) == "wall"


def test_positions_and_wall_times_go_back_and_forth() -> None:
    writer = Writer(plan([step("a")]))
    writer.do("a", 3.0)
    line = Timeline(writer.events)
    for one in writer.events:
        assert line.wall(line.of(one)) == one.at
    assert line.wall(-1_000_000) == datetime(2026, 11, 14, 18, 59, 59, tzinfo=UTC)
