"""The record: derived from the journal, nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from example_runs import (
    EXAMPLES,
    K,
    Writer,
    crashed_and_resumed,
    failed_and_rolled_back,
    fence_overridden,
    live_with_customer_approval,
    plan,
    rollback_failed,
    step,
    success,
    takeover_steps,
    until_noticed,
)  # fmt: skip

from orchestrator.model.event import Event
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.record import FillIn
from orchestrator.records import build
from orchestrator.records.out import from_json, to_json


@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_every_beginning_of_a_journal_gives_a_record_that_reads_back(make: Callable[[], list[Event]]) -> None:
    events = make()
    for count in range(1, len(events) + 1):
        record = build(events[:count])
        text = to_json(record)
        assert from_json(text) == record
        assert to_json(from_json(text)) == text


def test_the_same_journal_gives_the_same_bytes() -> None:
    at = datetime(2026, 11, 15, tzinfo=UTC)
    one, other = (to_json(build(success(), generated_at=at, chain_head="ab", signer="SHA256:x")) for _ in range(2))
    assert one == other
    assert build(success()).generated_at == ""


def test_what_only_people_know_is_left_empty() -> None:
    fill_in = build(failed_and_rolled_back()).fill_in
    assert fill_in == FillIn()
    assert (fill_in.root_cause, fill_in.corrective_actions, fill_in.observations) == ("", (), "")
    assert {one.name for one in fill_in.sign_off} == {""}


def test_the_drill_is_told_from_the_plan() -> None:
    drill = build(success()).drill
    assert drill is not None
    assert (drill.type, drill.scenario.zh, drill.participants) == ("full", "主机背板故障。", ("li-wei", "zhang-min"))
    assert [one.en for one in drill.success] == ["Orders are taken again."]


def test_every_job_is_in_the_command_log_with_its_time_and_outcome() -> None:
    record = build(success())
    lines = {one.ident: one for one in record.commands}
    assert len(lines) == 10
    assert lines["fence.action.1"].line == "ansible-playbook fence/power-off.yml --limit old_primary"
    assert lines["fault.action.1"].line == "on primary: lab break power"
    assert lines["lag.action.1"].line == "command on standby: pgstate lag --json"
    assert lines["fence.verify.2"].line == "sql on standby: select 1"
    assert lines["service.action.1"].line == "wait until http GET http://orders/health"
    assert lines["loss.action.1"].line == "markers: measure on standby"
    assert lines["promote.action.1"].output_ref is not None
    assert {one.ending for one in record.commands} == {"ok"}


def test_a_job_whose_end_nobody_knows_is_in_the_log_without_one() -> None:
    lines = {one.ident: one for one in build(crashed_and_resumed()).commands}
    assert (lines["promote.action.1"].ending, lines["promote.action.1"].basis) == ("", "")


def test_every_look_is_listed_with_what_was_seen() -> None:
    checks = {(one.step, one.phase): one for one in build(success()).data_checks}
    assert checks["lag", "action"].answer == {"lag_s": 0.4}
    assert checks["loss", "action"].answer["lost_transactions"] == 3
    assert all(one.good for one in checks.values())


def test_decisions_carry_when_they_were_given_and_when_taken_up() -> None:
    approve, done = build(live_with_customer_approval()).decisions
    assert (approve.verb, approve.by, done.verb) == ("approve", "wang-fang", "mark-done")
    assert approve.given_at < approve.taken_at


def test_a_refused_decision_is_listed_and_is_no_deviation() -> None:
    w = Writer(plan([step("a")]))
    w.decide("skip", "a", by="li", why="bored", accepted=False, refused="it is running")
    record = build(w.do("a", 1.0).finish())
    assert [(one.accepted, one.refused) for one in record.decisions] == [(False, "it is running")]
    assert record.deviations == ()


def test_a_run_as_planned_has_no_deviation() -> None:
    assert build(success()).deviations == ()


def test_deviations_name_step_and_way() -> None:
    found = [(one.step, one.remark.code) for one in build(failed_and_rolled_back()).deviations]
    assert found == [
        ("promote", "deviated_undone"),
        ("service", "deviated_never"),
        ("loss", "deviated_never"),
        ("", "deviated_rollback"),
    ]


def test_a_breach_is_listed_with_who_and_why() -> None:
    (breach,) = build(fence_overridden()).breaches
    assert (breach.kind, breach.by) == ("fence", "zhang-min")


# -- what to do now ----------------------------------------------------------------------------------------------------


def to_do(events: list[Event]) -> list[str]:
    return [one.remark.code for one in build(events).to_do]


def test_nothing_is_left_to_do_after_a_good_run() -> None:
    assert build(success()).to_do == ()


def test_the_manual_steps_of_a_failed_rollback_stand_first() -> None:
    first, second, *_ = build(rollback_failed()).to_do
    assert first.remark.code == "do_rollback_failed"
    assert "undo by hand what playbook takeover/rebuild-as-standby.yml undoes on standby" in first.details[1]
    assert second.remark.values["verbs"] == "retry, mark-done, abort"


def test_after_a_rollback_it_stands_what_was_taken_back_and_why() -> None:
    tasks = {one.step: one for one in build(failed_and_rolled_back()).to_do}
    assert tasks["promote"].remark.code == "do_taken_back"
    assert tasks["promote"].remark.values["error"] == "promote failed on standby: recovery target not reached"
    assert tasks["promote"].details == ("look at the standby's log, then retry or roll back",)


def test_a_stopped_run_says_what_failed_its_mend_and_the_verbs() -> None:
    events = failed_and_rolled_back()
    (task,) = build(events[: next(n for n, one in enumerate(events) if one.kind is K.DECISION)]).to_do
    assert task.step == "promote"
    assert task.details[1] == "look at the standby's log, then retry or roll back"
    assert "retry, skip, mark-done, rollback, abort" in task.remark.text


def test_a_lost_fence_is_never_said_to_be_skippable() -> None:
    w = until_noticed(Writer(plan(takeover_steps())))
    w.do("fence", 120, Outcome(Ending.UNKNOWN, error="no answer"))
    (task,) = build(w.events).to_do
    assert task.remark.values["verbs"] == "retry, override, rollback, abort"


def test_an_approval_says_who_may_give_it_and_by_when() -> None:
    (task,) = build(live_with_customer_approval()[:5]).to_do
    assert task.remark.code == "do_answer"
    assert task.texts[0].zh == "是否同意接管？"
    assert [one.values.get("people") or one.values.get("at") for one in task.notes] == [
        "wang-fang",
        "2026-11-14T23:00:00.120000Z",
    ]


def test_a_run_nobody_drives_says_how_to_bring_it_on() -> None:
    w = until_noticed(Writer(plan(takeover_steps()))).start("fence")
    w.add(K.DRIVER_RELEASED, why="SIGTERM", running=["fence.action.1"])
    (task,) = build(w.events).to_do
    assert "holdfast resume 20261114T190000-a1b2c3" in task.remark.text


def test_an_overridden_fence_is_to_be_confirmed_by_hand() -> None:
    assert to_do(fence_overridden()) == ["do_override_review"]


def test_what_an_aborted_run_left_behind_is_named() -> None:
    w = Writer(plan([step("a")]))
    w.do("a", 1.0, Outcome(Ending.UNKNOWN, error="link lost", mend="look on the host"))
    w.decide("abort", by="li", why="enough")
    (task,) = build(w.finish("aborted", "li: enough")).to_do
    assert (task.remark.code, task.details) == ("do_look", ("link lost", "look on the host"))
