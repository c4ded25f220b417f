"""How driving ended becomes the right exit code, in the order in which it matters."""

from __future__ import annotations

from typing import Any

import pytest
from engine_kit import Told, failed, plan, runbook, step

from orchestrator.cli.closing_words import closing
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.outcome import exit_code, headline, still_running, summary
from orchestrator.engine.runner import Driven
from orchestrator.model.document import Mode
from orchestrator.model.measurement import Measurement, measure


def drive(stage: Told, *, wait: bool = False) -> tuple[Driven, Measurement]:
    driven = stage.drive(wait=wait)
    return driven, measure(stage.journal.events())


def told(*steps: dict[str, Any], mode: Mode = Mode.LIVE, **more: Any) -> Told:
    return Told(plan(runbook(*steps, **more), mode))


def lines(driven: Driven, measured: Measurement) -> str:
    return "\n".join(line.plain for line in closing(driven, measured, 120))


def test_done_without_objectives_is_zero() -> None:
    driven, measured = drive(told(step("a")))
    assert exit_code(driven, measured) is ExitCode.DONE
    assert "succeeded" in lines(driven, measured)


def test_an_rto_that_nothing_proves_is_not_success() -> None:
    driven, measured = drive(told(step("a", marks="service_restored"), objectives={"rto": "5m"}))
    assert exit_code(driven, measured) is ExitCode.MISSED
    assert "RTO 5m00s: UNPROVEN" in lines(driven, measured)


def test_a_run_that_was_ended_before_it_promoted_says_why_it_has_no_rpo() -> None:
    loss = {"id": "loss", "marker": {"measure": {"target": "x"}}, "timeout": "1m", "role": "count"}
    stage = told(step("a"), step("go", role="promote"), loss, objectives={"rpo": "5s"})
    stage.tell("a", failed("no"))
    driven, measured = drive(stage)
    assert "RPO 5s: UNPROVEN. The loss of data is counted when the run ends" in lines(driven, measured)
    stage.world.decide("abort", why="by hand")
    driven, measured = drive(stage)
    assert exit_code(driven, measured) is ExitCode.FAILED
    assert "RPO 5s: not applicable. The run ended before go" in lines(driven, measured)


def test_a_stuck_run_asks_for_a_decision() -> None:
    stage = told(step("a"))
    stage.tell("a", failed("no"))
    driven, measured = drive(stage)
    assert exit_code(driven, measured) is ExitCode.STOPPED
    assert "holdfast retry r1 a --resume" in lines(driven, measured)


def test_a_check_that_found_something_has_failed_and_asks_for_nothing() -> None:
    stage = told(step("a"), step("b"), mode=Mode.CHECK)
    stage.tell("a", failed("no permission"))
    driven, measured = drive(stage)
    assert exit_code(driven, measured) is ExitCode.FAILED
    assert headline(driven)[0] == "1 of 2 checks failed"
    assert "retry" not in lines(driven, measured)


def test_waiting_for_a_person_has_its_own_code() -> None:
    driven, measured = drive(told(step("go", approve={"question": "May we?"})))
    assert exit_code(driven, measured) is ExitCode.WAITING


@pytest.mark.parametrize(
    ("why", "code"), [("SIGINT", ExitCode.INTERRUPTED), ("SIGTERM", ExitCode.TERMINATED), ("SIGHUP", ExitCode.HUNG_UP)]
)
def test_an_interruption_says_what_still_runs_and_how_to_go_on(why: str, code: ExitCode) -> None:
    stage = told(step("promote", fabric={"host": "standby", "argv": ["x"]}))
    stage.world.at(0.5, lambda: stage.world.interrupt(why))
    driven, measured = drive(stage, wait=True)
    assert exit_code(driven, measured) is code
    assert still_running(driven) == ["promote on standby (job promote.action.1)"]
    text = lines(driven, measured)
    assert "Nothing was stopped halfway" in text
    assert "still at work: promote on standby" in text
    assert "holdfast resume r1" in text


def test_an_abort_is_a_failed_run() -> None:
    stage = told(step("a"), step("b"))
    stage.tell("a", failed("no"))
    stage.drive()
    stage.world.decide("abort", why="enough")
    driven, measured = drive(stage)
    assert exit_code(driven, measured) is ExitCode.FAILED
    assert "aborted" in lines(driven, measured)


def test_a_rollback_that_failed_is_the_loudest() -> None:
    stage = told(step("a", undo={"scripted": {}}), step("b"), on_failure="rollback")
    stage.tell("b", failed("no"))
    stage.tell("a:undo", failed("it will not come back"))
    driven, measured = drive(stage)
    assert exit_code(driven, measured) is ExitCode.ROLLBACK_FAILED
    text = lines(driven, measured)
    assert "THE ROLLBACK FAILED" in text
    assert "not undone: a: it will not come back" in text


def test_the_summary_tells_everything_a_program_asks_for() -> None:
    stage = told(step("a"))
    stage.tell("a", failed("no"))
    driven, measured = drive(stage)
    found = summary(driven, measured, exit_code(driven, measured))
    assert found["run_id"] == "r1"
    assert found["status"] == "stopped"
    assert found["exit_code"] == 4
    assert found["rto"]["verdict"] == "not_applicable"
    assert found["next"][0]["step"] == "a"
    assert set(found["time"]) == {"machine_s", "people_s", "decision_s"}
