"""What the live view knows at each moment."""

from __future__ import annotations

from typing import Any

from engine_kit import Told, ok, plan, runbook, step

from orchestrator.cli.board import Board, rows
from orchestrator.model.document import Mode
from orchestrator.model.transition import StepStatus
from orchestrator.testing import Answer


class Looking:
    """Looks at the board at each event, as a drawing thread might."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.outages: list[Any] = []

    def saw(self, event: Any, state: Any) -> None:
        self.outages.append(self.board.outage())
        assert len(self.board.rows()) == len(state.plan.steps)


def watched(*steps: dict[str, Any], **more: Any) -> tuple[Told, Board, Looking]:
    stage = Told(plan(runbook(*steps, **more), Mode.DRILL))
    board = Board(stage.world.clock)
    looking = Looking(board)
    for event in stage.events():  # what was there before is told to whoever watches
        board.saw(event, stage.state)
    stage.observers = (board, looking)
    return stage, board, looking


def test_a_running_step_is_timed_by_the_monotonic_clock() -> None:
    stage, board, _ = watched(step("a"))
    stage.tell("a", Answer(ok(), 30.0))
    stage.world.at(10.0, lambda: stage.world.clock.jump(3600.0))
    stage.world.at(20.0, stage.world.interrupt)
    stage.drive(wait=True)
    (row,) = board.rows()
    assert row.status is StepStatus.RUNNING
    assert row.seconds is not None
    assert 19.0 <= row.seconds <= 21.0


def test_a_step_of_another_process_is_timed_by_the_wall_clock() -> None:
    stage, _, _ = watched(step("a"))
    stage.tell("a", Answer(ok(), 30.0))
    stage.world.at(5.0, stage.world.interrupt)
    stage.drive(wait=True)
    clock = stage.world.clock
    clock.pass_time(60.0)
    (row,) = rows(stage.state, (clock.wall(), 1.0), epoch="")
    assert row.seconds is not None
    assert 64.0 <= row.seconds <= 66.0


def test_a_step_to_come_says_what_it_waits_for() -> None:
    stage, board, _ = watched(step("a", approve={"question": "May we?"}), step("b"))
    stage.drive()
    assert [row.note for row in board.rows()] == ["", "after a"]


def test_the_clock_does_not_count_before_a_fault_that_the_drill_itself_makes() -> None:
    stage, board, looking = watched(
        step("break", marks="onset"), step("b", marks="service_restored"), objectives={"rto": "5m"}
    )
    stage.drive()
    assert looking.outages[0].since == ""
    end = board.outage()
    assert end is not None
    assert (end.since, end.restored) == ("onset", True)
    assert end.seconds < 5.0


def test_time_is_charged_to_machine_people_and_decision() -> None:
    stage, board, _ = watched(
        step("a"), step("go", approve={"question": "May we?"}), step("b", manual={"instructions": "x"})
    )
    stage.tell("a", Answer(ok(), 10.0))
    stage.world.at(40.0, lambda: stage.world.decide("approve", "go", by="wu", account="wu@desk"))
    stage.world.at(60.0, lambda: stage.world.decide("mark-done", "b", by="wu", account="wu@desk"))
    stage.drive(wait=True)
    spent = board.spent()
    assert round(spent.machine) == 10
    assert 25 <= spent.decision <= 40
    assert 15 <= spent.people <= 30
