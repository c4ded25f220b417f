"""Every event reads as one harmless line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from example_runs import plan, step

from orchestrator.cli.words import line_of, one_line, stamped
from orchestrator.model.event import Event, EventKind

PLAN = plan([step("fence", "ansible", budget=60.0), step("promote", needs=["fence"])])
AT = datetime(2026, 5, 1, 2, 30, 5, 123999, tzinfo=UTC)


def event(kind: EventKind, **body: object) -> Event:
    return Event("r1", 7, kind, AT, 1.0, "e1", body)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words_even_with_an_odd_body(kind: EventKind) -> None:
    line = line_of(event(kind), PLAN)
    assert line
    assert "\n" not in line


def test_a_line_begins_with_its_utc_time() -> None:
    told = stamped(event(EventKind.WARNING, text="odd"), PLAN)
    assert told == "2026-05-01T02:30:05.123Z  warning: odd"


def test_a_begun_step_tells_its_budget_and_timeout() -> None:
    body = {"step": "fence", "phase": "action", "attempt": 2, "timeout": 180.0}
    assert line_of(event(EventKind.STEP_STARTED, **body), PLAN) == (
        "fence: begins (attempt 2, ansible, budget 1m00s, timeout 3m00s)"
    )


def test_a_failed_step_tells_why_and_the_mend() -> None:
    outcome = {"ending": "failed", "error": "no power switch", "mend": "look at the BMC"}
    body = {"step": "fence", "phase": "action", "attempt": 1, "outcome": outcome, "elapsed": 3.1}
    assert line_of(event(EventKind.STEP_ENDED, **body), PLAN) == (
        "fence: FAILED after 3.1s: no power switch; mend: look at the BMC"
    )


def test_phases_are_told_apart() -> None:
    outcome = {"ending": "unknown"}
    body = {"step": "promote", "attempt": 1, "outcome": outcome, "elapsed": None}
    lines = {
        phase: line_of(event(EventKind.STEP_ENDED, phase=phase, **body), PLAN)
        for phase in ("action", "verify", "undo", "undo_verify")
    }
    assert len(set(lines.values())) == 4
    assert all("UNKNOWN" in line for line in lines.values())


def test_a_refused_decision_is_not_told_as_a_decision() -> None:
    body = {"verb": "approve", "step": "go", "by": "li", "accepted": False, "refused": "who started it"}
    assert line_of(event(EventKind.DECISION, **body), PLAN).startswith("REFUSED: approve go by li")


def test_a_failed_rollback_tells_what_to_do_by_hand() -> None:
    body = {"ok": False, "why": "undoing promote failed", "manual": ["promote: run pg_rewind"]}
    line = line_of(event(EventKind.ROLLBACK_ENDED, **body), PLAN)
    assert "ROLLBACK FAILED" in line
    assert "by hand now: promote: run pg_rewind" in line


def test_an_output_cannot_command_the_terminal() -> None:
    assert one_line("a\x1b[2Jb\x07\x9bc\u202ed") == "a\\x1b[2Jb\\x07\\x9bc\\x202ed"
    assert one_line("two\nlines\t here") == "two lines here"
    assert one_line("主机 接管") == "主机 接管"
