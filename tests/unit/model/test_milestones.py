"""When things were so, and from where that is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from example_runs import (
    START,
    K,
    Writer,
    clock_jump,
    crashed_and_resumed,
    live_with_customer_approval,
    plan,
    step,
    success,
    takeover_steps,
    until_noticed,
)  # fmt: skip

from orchestrator.model.document import Milestone, Mode
from orchestrator.model.event import to_iso
from orchestrator.model.measurement import Measurement, measure
from orchestrator.model.outcome import Ending, Outcome

RESTORED = Milestone.RESTORED


def codes(measured: Measurement) -> list[str]:
    return [one.code for one in measured.remarks]


def moment(measured: Measurement, name: Milestone) -> str:
    found = measured.milestone(name)
    assert found is not None, name
    return found.at


def live(*steps: object, **more: object) -> Writer:
    return Writer(plan(list(steps), mode=Mode.LIVE, **more))  # type: ignore[arg-type]


def test_what_a_person_reports_wins_over_what_a_step_shows() -> None:
    w = live(step("back", "wait", marks=(RESTORED,)))
    w.do("back", 3.0)
    told = START + timedelta(seconds=1)
    w.add(K.MILESTONE, name="service_restored", at=to_iso(told), source="li-wei", basis="person")
    measured = measure(w.finish())
    assert moment(measured, RESTORED) == to_iso(told)
    assert measured.milestone(RESTORED).how == "reported"  # type: ignore[union-attr]


def test_reported_twice_the_last_report_counts_and_is_remarked_on() -> None:
    w = live(step("a"))
    for minutes in (9, 12):
        at = to_iso(START - timedelta(minutes=minutes))
        w.add(K.MILESTONE, name="onset", at=at, source="li-wei", basis="person")
    measured = measure(w.events)
    assert moment(measured, Milestone.ONSET) == to_iso(START - timedelta(minutes=12))
    assert "superseded" in codes(measured)


def test_the_moment_an_executor_observed_is_more_exact_than_the_end_of_its_step() -> None:
    measured = measure(success())
    restored = measured.milestone(RESTORED)
    assert restored is not None and restored.how == "observed"
    assert restored.at < measured.step("service").ended_at  # type: ignore[union-attr]


def test_a_check_that_does_not_say_when_it_held_leaves_the_end_of_the_step() -> None:
    w = live(step("promote", marks=(RESTORED,), verify=takeover_steps()[4].verify * 2))
    held = Outcome(Ending.OK, milestones={"held_at": to_iso(w.wall)})
    w.do("promote", 2.0).start("promote", "verify").tick(1).end("promote", "verify", outcome=held)
    w.start("promote", "verify").tick(1).end("promote", "verify", outcome=Outcome(Ending.OK))
    measured = measure(w.finish())
    restored = measured.milestone(RESTORED)
    assert restored is not None and restored.how == "step_end"
    assert restored.at == measured.step("promote").ended_at  # type: ignore[union-attr]


def test_of_several_checks_the_last_to_hold_counts() -> None:
    w = live(step("promote", marks=(RESTORED,), verify=takeover_steps()[4].verify * 2))
    w.do("promote", 2.0)
    for _ in range(2):
        w.start("promote", "verify").tick(1)
        w.end("promote", "verify", outcome=Outcome(Ending.OK, milestones={"held_at": to_iso(w.wall)}))
    last = w.wall
    assert moment(measure(w.finish()), RESTORED) == to_iso(last)


def test_the_service_is_restored_when_every_step_that_marks_it_has_succeeded() -> None:
    w = live(step("a", marks=(RESTORED,)), step("b", marks=(RESTORED,)))
    w.do("a", 1.0)
    half = measure(w.events)
    assert half.milestone(RESTORED) is None
    assert "not_all_marked" in codes(half)
    w.do("b", 5.0)
    whole = measure(w.finish())
    assert moment(whole, RESTORED) == whole.step("b").ended_at  # type: ignore[union-attr]


def test_a_step_that_was_undone_takes_its_milestone_back() -> None:
    w = live(step("a", marks=(RESTORED,), undo=takeover_steps()[5].undo))
    w.do("a", 1.0)
    w.add(K.ROLLBACK_STARTED, by="li-wei", why="wrong", order=["a"], irreversible={})
    w.start("a", "undo").tick(2).end("a", "undo")
    measured = measure(w.events)
    assert measured.milestone(RESTORED) is None
    assert "withdrawn" in codes(measured)


def test_injecting_the_fault_is_not_an_action_against_it() -> None:
    first = measure(success()).milestone(Milestone.FIRST_ACTION)
    assert first is not None and first.step == "fence"


def test_what_was_prepared_before_the_fault_is_not_an_action_against_it() -> None:
    steps = [step("prepare"), *takeover_steps(markers={"needs": ["prepare"]})]
    w = Writer(plan(steps)).do("prepare", 1.0)
    until_noticed(w).start("fence")
    first = measure(w.events).milestone(Milestone.FIRST_ACTION)
    assert first is not None and first.step == "fence"


def test_a_drill_declared_before_its_fault_is_flagged_and_not_measured_from() -> None:
    measured = measure(success())
    declared = measured.milestone(Milestone.DECLARED)
    assert declared is not None and declared.how == "run_start"
    assert "before_onset" in codes(measured)
    assert all("declared" not in (one.start, one.end) for one in measured.intervals)


def test_an_onset_from_a_step_is_told_with_its_uncertainty() -> None:
    measured = measure(success())
    onset = measured.milestone(Milestone.ONSET)
    assert onset is not None and onset.earliest_s == pytest.approx(0.4)
    restored = measured.milestone(RESTORED)
    assert restored is not None and restored.latest_s == pytest.approx(0.02)
    assert measured.rto.worst_s == pytest.approx((measured.rto.achieved_s or 0) + 0.42)


def test_an_onset_that_the_injecting_step_itself_observed_is_exact() -> None:
    w = Writer(plan(takeover_steps())).do("markers", 0.3)
    w.do("fault", 0.4, Outcome(Ending.OK, milestones={"onset": to_iso(w.wall + timedelta(seconds=0.3))}))
    onset = measure(w.events).milestone(Milestone.ONSET)
    assert onset is not None and (onset.how, onset.earliest_s) == ("observed", 0.0)


def test_a_fault_that_says_when_it_struck_is_exact() -> None:
    w = Writer(plan(takeover_steps())).do("markers", 0.3)
    told = to_iso(w.wall + timedelta(seconds=0.3))
    w.do("fault", 0.4, Outcome(Ending.OK, output={"rc": 0, "milestones": {"onset": told}}))
    onset = measure(w.events).milestone(Milestone.ONSET)
    assert onset is not None and (onset.at, onset.how, onset.earliest_s) == (told, "observed", 0.0)


@pytest.mark.parametrize("off", [-3600.0, -0.1, 0.5, 3600.0])
def test_a_target_whose_clock_is_off_is_not_believed(off: float) -> None:
    w = Writer(plan(takeover_steps())).do("markers", 0.3)
    told = to_iso(w.wall + timedelta(seconds=off))
    w.do("fault", 0.4, Outcome(Ending.OK, output={"milestones": {"onset": told}}))
    measured = measure(w.events)
    onset = measured.milestone(Milestone.ONSET)
    assert onset is not None and (onset.how, onset.earliest_s) == ("step_end", 0.4)
    assert "outside_step" in codes(measured)


def test_a_moment_that_a_forced_steps_attempt_saw_is_not_the_persons() -> None:
    w = live(step("promote", marks=(RESTORED,), verify=takeover_steps()[4].verify * 2))
    held = Outcome(Ending.OK, milestones={"held_at": to_iso(w.wall)})
    w.do("promote", 2.0, held).start("promote", "verify").tick(1)
    w.end("promote", "verify", outcome=Outcome(Ending.FAILED, error="no")).tick(60)
    w.decide("mark-done", "promote", by="li-wei", why="seen by hand")
    restored = measure(w.finish()).milestone(RESTORED)
    assert restored is not None and restored.how == "decision"


def test_a_moment_that_cannot_be_read_is_remarked_on_and_not_used() -> None:
    w = live(step("a"))
    w.add(K.MILESTONE, name="onset", at="last night", source="li-wei", basis="person")
    measured = measure(w.events)
    assert measured.milestone(Milestone.ONSET) is None
    assert "unreadable" in codes(measured)


def test_a_check_or_tabletop_is_not_declared_by_being_started() -> None:
    assert measure(Writer(plan([step("a")], mode=Mode.TABLETOP)).events).milestone(Milestone.DECLARED) is None


def test_the_intervals_from_onset_to_restoration_add_up_to_the_outage() -> None:
    for events in (success(), live_with_customer_approval(), crashed_and_resumed(), clock_jump()):
        measured = measure(events)
        upto = [one for one in measured.intervals if one.parts != ("resolve",)]
        assert round(sum(one.elapsed_s for one in upto), 6) == measured.rto.achieved_s


def test_detect_declare_act_and_verify_are_told_apart() -> None:
    parts = [one.parts for one in measure(live_with_customer_approval()).intervals]
    assert parts == [("detect",), ("declare",), ("start",), ("act",), ("verify",), ("resolve",)]


def test_parts_between_unknown_milestones_are_told_together() -> None:
    w = live(*[one for one in takeover_steps(fence={"needs": []}) if one.id in ("fence",)])
    w.add(K.MILESTONE, name="onset", at=to_iso(START - timedelta(minutes=5)), source="x", basis="person")
    w.start("fence")
    assert [one.parts for one in measure(w.events).intervals] == [("detect", "declare"), ("start",)]
