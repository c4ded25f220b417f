"""Verdicts on RTO and RPO: what was not measured is unproven, never met."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from example_runs import (
    MEASURED,
    START,
    K,
    Writer,
    clock_jump,
    crashed_and_resumed,
    failed_and_rolled_back,
    live_with_customer_approval,
    loss,
    missed,
    plan,
    restore_drill,
    simulated,
    step,
    success,
    tabletop,
    takeover_steps,
    unproven,
    until_noticed,
)  # fmt: skip

from orchestrator.model.document import FaultClass, Milestone, Mode
from orchestrator.model.event import to_iso
from orchestrator.model.measurement import Measurement, measure
from orchestrator.model.objectives import Verdict
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import PlannedUndo

MET, MISSED, UNPROVEN, NOT = Verdict.MET, Verdict.MISSED, Verdict.UNPROVEN, Verdict.NOT_APPLICABLE


def test_rto_runs_from_onset_not_from_the_programs_start() -> None:
    rto = measure(success()).rto
    assert (rto.verdict, rto.achieved_s, rto.basis) == (MET, pytest.approx(27.46), "monotonic")


def test_a_clock_set_back_an_hour_changes_no_duration() -> None:
    assert measure(clock_jump()).rto.achieved_s == measure(success()).rto.achieved_s


def test_over_two_processes_the_wall_clock_counts_and_is_marked() -> None:
    rto = measure(crashed_and_resumed()).rto
    assert (rto.basis, rto.achieved_s) == ("wall", pytest.approx(139.36))


def test_without_onset_no_rto_is_met() -> None:
    rto = measure(unproven()).rto
    assert (rto.verdict, rto.achieved_s, rto.reason.code) == (UNPROVEN, None, "onset_missing")


def test_the_rto_verdict_leaves_nothing_out_not_even_the_customers_time() -> None:
    rto = measure(live_with_customer_approval()).rto
    assert (rto.verdict, rto.achieved_s) == (MISSED, pytest.approx(7765.59))


def test_not_restored_and_past_the_limit_is_missed_before_it_is_over() -> None:
    assert measure(failed_and_rolled_back()).rto.reason.code == "restored_late"
    running = until_noticed(Writer(plan(takeover_steps(), rto=2.0))).start("fence").tick(1)
    running.end("fence")
    rto = measure(running.events).rto
    assert (rto.verdict, rto.running) == (MISSED, True)


def test_not_restored_yet_and_within_the_limit_is_unproven() -> None:
    rto = measure(until_noticed(Writer(plan(takeover_steps()))).events).rto
    assert (rto.verdict, rto.reason.code, rto.running) == (UNPROVEN, "restored_not_yet", True)


def test_late_but_with_no_step_that_would_tell_of_restoration_is_unproven() -> None:
    w = Writer(plan([step("a")], mode=Mode.LIVE, rto=1.0))
    w.add(K.MILESTONE, name="onset", at=to_iso(START - timedelta(minutes=5)), source="x", basis="person")
    assert measure(w.do("a", 1.0).finish()).rto.reason.code == "restored_missing"


def test_met_only_if_the_onset_lay_late_in_its_step_is_unproven() -> None:
    took = measure(success()).rto.achieved_s
    assert took is not None
    w = until_noticed(Writer(plan(takeover_steps(), rto=took + 0.2)))
    events = w.events + success()[len(w.events) :]
    rto = measure(events).rto
    assert (rto.verdict, rto.reason.code) == (UNPROVEN, "unsure")


def test_restored_before_onset_contradicts_and_proves_nothing() -> None:
    w = Writer(plan([step("a")], mode=Mode.LIVE)).tick(10)
    w.add(K.MILESTONE, name="service_restored", at=to_iso(START), source="x", basis="person")
    w.add(K.MILESTONE, name="onset", at=to_iso(START + timedelta(seconds=5)), source="x", basis="person")
    assert measure(w.events).rto.reason.code == "restored_before_onset"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"rto": None}, "rto_not_set"),
        ({"purpose": "change"}, "change_no_fault"),
        ({"purpose": "restore"}, "no_fault"),
        ({"mode": Mode.TABLETOP}, "not_recovering"),
        ({"mode": Mode.CHECK}, "not_recovering"),
    ],
)
def test_not_applicable_says_why(more: dict[str, Any], code: str) -> None:
    rto = measure(Writer(plan([step("a")], **more)).events).rto
    assert (rto.verdict, rto.reason.code) == (NOT, code)


def test_a_live_restore_without_onset_is_unproven() -> None:
    w = Writer(plan([step("a")], purpose="restore", mode=Mode.LIVE))
    assert measure(w.events).rto.verdict is UNPROVEN


def test_a_restore_drill_tells_how_long_the_work_took() -> None:
    measured = measure(restore_drill())
    assert measured.rto.verdict is NOT
    assert measured.work_s == pytest.approx(41.33)


# -- RPO ---------------------------------------------------------------------------------------------------------------


def measured_loss(rpo: float | None = 30.0, **output: Any) -> Measurement:
    w = Writer(plan([step("loss", "marker", spec={"measure": {"target": "standby"}})], rpo=rpo))
    return measure(loss(w, **output).finish())


def test_rpo_is_what_the_markers_say() -> None:
    measured = measured_loss()
    assert (measured.rpo.verdict, measured.rpo.achieved_s) == (MET, 0.3)
    assert [(one.kind, one.lost_transactions) for one in measured.losses] == [("markers", 3), ("receipts", 1)]


def test_the_worst_of_markers_and_receipts_counts() -> None:
    receipts = {**MEASURED["receipts"], "lost_seconds": 31.0}
    measured = measured_loss(receipts=receipts)
    assert (measured.rpo.verdict, measured.rpo.achieved_s) == (MISSED, 31.0)


def test_without_markers_receipts_alone_say_what_was_lost() -> None:
    rpo = measured_loss(written=None, survived=None, lost_transactions=None, lost_seconds=None).rpo
    assert (rpo.verdict, rpo.basis) == (MET, "receipts")
    assert rpo.achieved_s == MEASURED["receipts"]["lost_seconds"]
    assert measured_loss().rpo.basis == "markers"


def test_with_nothing_allowed_one_lost_transaction_is_a_miss() -> None:
    assert measured_loss(rpo=0.0, lost_transactions=1, lost_seconds=0.0, receipts=None).rpo.verdict is MISSED
    assert measured_loss(rpo=0.0, lost_transactions=0, lost_seconds=0.0, receipts=None).rpo.verdict is MET


def test_a_loss_of_unknown_span_beside_a_known_one_is_not_taken_for_met() -> None:
    rpo = measured_loss(survived=0, lost_transactions=7, lost_seconds=None).rpo
    assert (rpo.verdict, rpo.reason.code) == (UNPROVEN, "rpo_unbounded")
    receipts = {**MEASURED["receipts"], "lost_seconds": 31.0}
    assert measured_loss(lost_transactions=7, lost_seconds=None, receipts=receipts).rpo.verdict is MISSED


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"written": 0, "lost_transactions": 0, "lost_seconds": 0.0, "receipts": None}, "rpo_no_markers"),
        ({"lost_transactions": None, "receipts": None}, "rpo_not_measured"),
        ({"lost_seconds": None, "receipts": None}, "rpo_not_measured"),
        ({"lost_transactions": "3", "receipts": "none"}, "rpo_not_measured"),
    ],
)
def test_numbers_that_are_not_there_prove_nothing(output: dict[str, Any], code: str) -> None:
    rpo = measured_loss(**output).rpo
    assert (rpo.verdict, rpo.reason.code) == (UNPROVEN, code)


def test_a_measurement_that_failed_or_was_simulated_proves_nothing() -> None:
    for outcome, code in (
        (Outcome(Ending.FAILED, output=MEASURED, error="no"), "rpo_not_measured"),
        (Outcome(Ending.UNKNOWN, output=MEASURED, error="lost"), "rpo_not_measured"),
        (Outcome(Ending.OK, output=MEASURED, simulated=True), "rpo_simulated"),
    ):
        w = Writer(plan([step("loss", "marker", spec={"measure": {"target": "standby"}})]))
        rpo = measure(w.do("loss", 1.0, outcome).events).rpo
        assert (rpo.verdict, rpo.reason.code) == (UNPROVEN, code)


def test_no_rpo_set_is_not_applicable_but_what_was_lost_is_told() -> None:
    measured = measured_loss(rpo=None)
    assert (measured.rpo.verdict, measured.rpo.achieved_s) == (NOT, 0.3)


def test_examples_come_out_as_they_are_meant() -> None:
    wanted = {
        success: (MET, MET),
        missed: (MISSED, MISSED),
        unproven: (UNPROVEN, UNPROVEN),
        simulated: (UNPROVEN, UNPROVEN),
        tabletop: (NOT, NOT),
        restore_drill: (NOT, MET),
    }
    for make, verdicts in wanted.items():
        measured = measure(make())
        assert (measured.rto.verdict, measured.rpo.verdict) == verdicts, make.__name__


def test_a_restored_mark_on_a_step_left_out_by_its_condition_does_not_hide_the_other() -> None:
    marks = (Milestone.RESTORED,)
    w = Writer(plan([step("a", marks=marks, skip="only in mode live"), step("b", marks=marks)]))
    w.add(K.STEP_SKIPPED, step="a", why="only in mode live")
    assert measure(w.do("b", 1.0).finish()).milestone(Milestone.RESTORED) is not None


def works_on(**measured: Any) -> Measurement:
    """A fault that need not stop the service comes 1 s after the first marker; then the markers are read."""
    steps = [
        step("break", marks=(Milestone.ONSET,)),
        step("serves", "probe", marks=(Milestone.RESTORED,)),
        step("loss", "marker", spec={"measure": {"target": "primary"}}),
    ]
    w = Writer(plan(steps, fault_class=measured.pop("fault_class", FaultClass.REDUNDANT_COMPONENT)))
    begun = to_iso(w.wall)
    w.tick(1.0).do("break", 1.0).tick(3.0).do("serves", 1.0).tick(5.0)
    numbers = {"written": 50, "lost_transactions": 0, "lost_seconds": 0.0, "longest_pause_s": 0.4}
    moments = {"first_written_at": begun, "last_written_at": to_iso(w.wall)}
    return measure(w.do("loss", 1.0, Outcome(Ending.OK, output={**numbers, **moments, **measured})).finish())


@pytest.mark.parametrize("fault_class", [FaultClass.REDUNDANT_COMPONENT, FaultClass.PAGING_SPACE])
def test_where_commits_went_on_all_the_time_there_was_no_outage(fault_class: FaultClass) -> None:
    rto = works_on(fault_class=fault_class).rto
    assert (rto.verdict, rto.achieved_s, rto.worst_s, rto.basis) == (MET, 0.0, 0.4, "markers")
    assert rto.reason.code == "never_down"


def test_what_the_markers_leave_out_before_the_restoration_counts_as_a_pause() -> None:
    rto = works_on(last_written_at=to_iso(START + timedelta(seconds=5))).rto
    assert (rto.verdict, rto.achieved_s, rto.basis) == (MET, 0.0, "markers")
    assert rto.worst_s == pytest.approx(1.0, abs=0.1)


def test_where_there_are_no_markers_customers_receipts_show_that_commits_went_on() -> None:
    told = {"lost_transactions": 0, "lost_seconds": 0.0, "longest_pause_s": 0.3}
    hour = timedelta(hours=1)
    span = {"first_written_at": to_iso(START - hour), "last_written_at": to_iso(START + hour)}
    rto = works_on(lost_transactions=None, receipts={**told, **span}).rto
    assert (rto.verdict, rto.achieved_s, rto.worst_s, rto.basis) == (MET, 0.0, 0.3, "receipts")


@pytest.mark.parametrize(
    "more",
    [
        {"longest_pause_s": 2.5},
        {"longest_pause_s": None},
        {"lost_transactions": 1},
        {"first_written_at": to_iso(START + timedelta(hours=1))},
        {"last_written_at": to_iso(START)},
        {"fault_class": FaultClass.SHARED_COMPONENT},
    ],
)
def test_what_markers_do_not_prove_is_timed_from_onset_to_restored(more: dict[str, Any]) -> None:
    rto = works_on(**more).rto
    assert (rto.achieved_s, rto.reason.code) == (pytest.approx(4.0, abs=0.1), "within")


def stopped(**more: Any) -> Writer:
    """A takeover that fails before it promotes; the count stands behind the promotion."""
    steps = [
        step("break", marks=(Milestone.ONSET,)),
        step("fence", needs=["break"]),
        step("promote", needs=["fence"], role="promote", marks=(Milestone.RESTORED,)),
        step("loss", "marker", needs=["promote"], role="count", spec={"measure": {"target": "standby"}}),
    ]
    w = Writer(plan(steps, **more)).do("break", 1.0)
    return w.do("fence", 3.0, Outcome(Ending.FAILED, error="denied")).tick(60.0)


def test_a_run_that_ended_before_the_service_was_back_tells_how_long_it_was_away_at_least() -> None:
    open_, aborted = measure(stopped().events), measure(stopped().finish("aborted"))
    assert (aborted.rto.verdict, aborted.rto.reason.code) == (UNPROVEN, "restored_never")
    assert aborted.rto.at_least_s == pytest.approx(63.0, abs=0.1)
    assert aborted.rto.achieved_s is None
    assert (open_.rto.running, open_.rto.at_least_s) == (True, pytest.approx(3.0, abs=0.1))


def test_a_run_that_ended_before_it_promoted_lost_nothing() -> None:
    open_, aborted = measure(stopped().events), measure(stopped().finish("aborted"))
    assert (open_.rpo.verdict, open_.rpo.reason.code) == (UNPROVEN, "rpo_not_yet")
    assert (aborted.rpo.verdict, aborted.rpo.reason.code) == (NOT, "no_copy_serves")
    assert aborted.rpo.reason.values == {"steps": "promote"}


def test_where_the_promotion_was_begun_and_nothing_was_counted_the_loss_is_unproven() -> None:
    w = stopped().do("promote", 5.0, Outcome(Ending.UNKNOWN, error="lost"))
    rpo = measure(w.finish("aborted")).rpo
    assert (rpo.verdict, rpo.reason.code) == (UNPROVEN, "rpo_not_measured")


def test_a_drill_that_ended_before_it_made_its_fault_has_neither_outage_nor_loss() -> None:
    steps = [step("ready"), step("break", marks=(Milestone.ONSET,)), step("loss", "marker", role="count")]
    w = Writer(plan(steps)).do("ready", 1.0, Outcome(Ending.FAILED, error="behind"))
    measured = measure(w.finish("aborted"))
    for objective in (measured.rto, measured.rpo):
        assert (objective.verdict, objective.reason.code) == (NOT, "stopped_before_fault")
    assert measure(w.events[:-1]).rto.verdict is UNPROVEN


def test_where_commits_went_on_until_a_run_was_ended_on_its_way_there_was_no_outage() -> None:
    steps = [
        step("break", marks=(Milestone.ONSET,)),
        step("serves", "probe", marks=(Milestone.RESTORED,)),
        step("loss", "marker", role="count", spec={"measure": {"target": "primary"}}),
    ]
    w = Writer(plan(steps, fault_class=FaultClass.REDUNDANT_COMPONENT))
    begun = to_iso(w.wall)
    w.tick(1.0).do("break", 1.0).do("serves", 5.0, Outcome(Ending.FAILED, error="no")).tick(30.0)
    told = {"written": 50, "lost_transactions": 0, "lost_seconds": 0.0, "longest_pause_s": 0.4}
    told |= {"first_written_at": begun, "last_written_at": to_iso(w.wall)}
    w.do("loss", 1.0, Outcome(Ending.OK, output=told))
    rto = measure(w.finish("aborted")).rto
    assert (rto.verdict, rto.achieved_s, rto.reason.code) == (MET, 0.0, "never_down_so_far")
    assert rto.worst_s == pytest.approx(0.4)


def test_a_count_that_failed_makes_nobody_wait() -> None:
    w = Writer(plan([step("a", marks=(Milestone.RESTORED,)), step("loss", "marker", role="count")]))
    w.do("a", 1.0).do("loss", 1.0, Outcome(Ending.FAILED, error="no psql"))
    assert measure(w.events).status == "running"


def went_away(ended: str = "rolled_back", *, spoilt: Callable[[dict[str, Any]], None] = lambda _told: None) -> Any:
    """A planned failback that interrupts the service 1 s into a run, and is taken back; customers tell of it."""
    steps = [
        step("stop", marks=(Milestone.ONSET,)),
        step("promote", needs=["stop"], role="promote", marks=(Milestone.RESTORED,)),
        step("loss", "marker", needs=["promote"], role="count", spec={"measure": {"target": "new"}}),
    ]
    w = Writer(plan(steps)).tick(1.0).do("stop", 1.0)
    onset = w.wall
    w.do("promote", 5.0, Outcome(Ending.FAILED, error="no")).tick(30.0)

    def pause(begun: float, over: float) -> dict[str, str]:
        return {"from": to_iso(onset + timedelta(seconds=begun)), "to": to_iso(onset + timedelta(seconds=over))}

    told: dict[str, Any] = {"written": 90, "lost_transactions": 0, "lost_seconds": 0.0, "longest_pause_s": 60.0}
    told |= {"first_written_at": to_iso(onset - timedelta(hours=1)), "last_written_at": to_iso(w.wall)}
    told["pauses"] = [pause(-90.0, -30.0), pause(-0.1, 12.5), pause(20.0, 21.5)]
    spoilt(told)
    w.do("loss", 1.0, Outcome(Ending.OK, output={"lost_transactions": None, "receipts": told}))
    return measure(w.finish(ended))


def test_a_run_that_was_taken_back_is_timed_by_when_customers_commits_went_on_again() -> None:
    rto = went_away().rto
    assert (rto.verdict, rto.reason.code, rto.basis) == (MET, "commits_again", "receipts")
    assert rto.achieved_s == pytest.approx(12.5, abs=0.05)


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda told: told.pop("pauses"),
        lambda told: told.update(earlier_pauses=3),
        lambda told: told.update(pauses="many"),
        lambda told: told.update(pauses=[{"from": "yesterday"}]),
        lambda told: told.update(pauses=[]),
        lambda told: told.update(last_written_at=to_iso(START + timedelta(seconds=3))),
    ],
)
def test_where_commits_do_not_tell_when_they_went_on_only_the_least_is_known(spoilt: Any) -> None:
    rto = went_away(spoilt=spoilt).rto
    assert (rto.verdict, rto.reason.code, rto.achieved_s) == (UNPROVEN, "restored_never", None)
    assert rto.at_least_s == pytest.approx(36.0, abs=0.5)


def test_an_earlier_outage_is_none_of_this_runs() -> None:
    def before(told: dict[str, Any]) -> None:
        gone = {"from": to_iso(START - timedelta(minutes=9)), "to": to_iso(START - timedelta(minutes=8))}
        told.update(longest_pause_s=60.0, pauses=[gone])

    hour = timedelta(hours=1)
    told = {"lost_transactions": 0, "lost_seconds": 0.0}
    told |= {"first_written_at": to_iso(START - hour), "last_written_at": to_iso(START + hour)}
    before(told)
    rto = works_on(lost_transactions=None, receipts=told).rto
    assert (rto.verdict, rto.achieved_s, rto.worst_s) == (MET, 0.0, 1.0)


def test_an_onset_stays_though_the_step_that_brought_it_was_taken_back() -> None:
    steps = [step("stop", marks=(Milestone.ONSET,), undo=PlannedUndo("fabric", {"host": "x", "argv": ["y"]}, 60.0, ()))]
    w = Writer(plan(steps)).tick(1.0).do("stop", 1.0)
    (ended,) = [event for event in w.events if event.kind is K.STEP_ENDED]
    w.add(K.ROLLBACK_STARTED, by="a", why="b", order=["stop"], irreversible={})
    w.start("stop", "undo").tick(1.0).end("stop", "undo")
    measured = measure(w.events)
    assert measured.step("stop").status == "undone"  # type: ignore[union-attr]
    assert measured.milestone(Milestone.ONSET).at == to_iso(ended.at)  # type: ignore[union-attr]
