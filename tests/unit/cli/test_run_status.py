"""What status shouts, and which run "last" means for resume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_kit import Told, failed, plan, runbook, step

from orchestrator.cli.run_status import FAILED, by_hand
from orchestrator.journal.store import RunListing
from orchestrator.model.document import Mode
from orchestrator.wiring.app import Holdfast
from orchestrator.wiring.settings import Settings

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_rollback_that_failed_is_shouted_with_what_a_person_must_do() -> None:
    stage = Told(plan(runbook(step("a", undo={"scripted": {}}), step("b"), on_failure="rollback"), Mode.LIVE))
    stage.tell("b", failed("no"))
    stage.tell("a:undo", failed("cannot be undone"))
    state = stage.drive(wait=False).state
    assert state.rollback is not None
    assert state.rollback.ok is False
    shouted = by_hand(state)
    assert shouted[0] == FAILED
    assert any(text.startswith("a: undo it by hand") for text in shouted)


def test_nothing_is_shouted_otherwise() -> None:
    assert by_hand(Told(plan(runbook(step("a")), Mode.LIVE)).drive(wait=False).state) == []


def listing(name: str, minutes: int, last: str, seq: int = 5) -> RunListing:
    return RunListing(name, NOW + timedelta(minutes=minutes), "takeover", "live", "", seq, last, NOW, False)


def test_resume_last_is_the_newest_run_that_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Holdfast(Settings(Path("w"), Path("s"), "s/journal", "anna", "anna@here"))
    runs = [listing("refused", 3, "run.ended"), listing("never-began", 2, "", seq=0), listing("stuck", 1, "x")]
    monkeypatch.setattr(program.memory, "runs", lambda: runs)
    assert program.find("last") == "refused"
    assert program.find("last", unended=True) == "stuck"
    monkeypatch.setattr(program.memory, "runs", lambda: runs[:1])
    assert program.find("last", unended=True) == "refused"
