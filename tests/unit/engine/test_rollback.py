from __future__ import annotations

from typing import Any

import pytest
from engine_kit import Answer, Crash, Told, failed, gone, ok, plan, runbook, step, unknown

from orchestrator.documents.templates import TemplateRenderer
from orchestrator.engine.runner import Halt
from orchestrator.model.event import EventKind

LOOK = {"probe": {"tcp": "x:1"}}
UNDO: dict[str, Any] = {"scripted": {}}
CHECKED: dict[str, Any] = {"scripted": {}, "verify": LOOK}
BY_HAND: dict[str, Any] = {"manual": {"instructions": "Put the cable back"}}


def failing(*steps: dict[str, Any], **more: Any) -> Told:
    """A run whose last step fails, which the runbook answers with a rollback."""
    run = Told(plan(runbook(*steps, step("last"), **{"on_failure": "rollback", **more})))
    run.tell("last", failed("no"))
    return run


def undone(run: Told) -> list[str]:
    return [ident.partition(".")[0] for ident in run.world.done if ".undo." in ident]


def ended(run: Told) -> list[dict[str, Any]]:
    return run.bodies(EventKind.ROLLBACK_ENDED)


def test_steps_are_undone_one_by_one_in_the_reverse_order_of_their_starts():
    run = failing(
        step("a", needs=[], undo=UNDO),
        step("b", needs=[], undo=UNDO),
        step("c", needs=["b"], undo=CHECKED),
        step("d", needs=["a", "c"], undo=UNDO),
    )
    run.tell("a", Answer(ok(), 30.0))
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["d", "c", "b", "a"]
    starts = [e.seq for e in run.events(EventKind.STEP_STARTED) if e.body["phase"] == "undo"]
    ends = [e.seq for e in run.events(EventKind.STEP_ENDED) if e.body["phase"].startswith("undo")]
    assert all(end < start for end, start in zip(ends[:1] + ends[2:], starts[1:], strict=False))


def test_a_step_that_failed_is_undone_too():
    run = Told(plan(runbook(step("a", undo=UNDO), on_failure="rollback")))
    run.tell("a", failed("half done"))
    run.drive()
    assert undone(run) == ["a"]


@pytest.mark.parametrize("lost", [unknown("timeout"), gone()])
def test_a_step_of_unknown_end_is_undone_too(lost):
    run = Told(plan(runbook(step("a", undo=UNDO), on_failure="rollback")))
    run.tell("a", lost)
    run.drive()
    assert undone(run) == ["a"]
    assert run.state.ended == "rolled_back"


def test_a_step_that_was_left_out_after_a_try_is_undone_too():
    run = Told(plan(runbook(step("a", undo=UNDO), step("b"))))
    run.tell("a", failed("half done"))
    run.tell("b", failed("no"))
    run.drive()
    run.world.decide("skip", "a", why="go on")
    run.drive()
    run.world.decide("rollback", why="after all")
    run.drive()
    assert undone(run) == ["a"]
    assert run.state.ended == "rolled_back"


def test_a_step_that_is_to_be_tried_again_is_undone_too():
    run = Told(plan(runbook(step("a", undo=UNDO))))
    run.tell("a", failed("half done"))
    run.drive()
    run.world.decide("retry", "a")
    run.world.decide("rollback", why="no, stop")
    run.drive()
    assert run.actions("a") == ["a.action.1"]
    assert undone(run) == ["a"]


def test_what_a_person_was_asked_to_do_is_undone_as_they_may_have_begun():
    run = Told(plan(runbook(step("a", manual={"instructions": "Pull the cable"}, undo=UNDO))))
    run.drive()
    run.world.decide("rollback", why="no, stop")
    run.drive()
    assert undone(run) == ["a"]


def test_what_was_only_looked_at_left_out_or_never_begun_is_not_undone():
    run = failing(
        step("look", probe={"tcp": "x:1"}, changes=False),
        step("out", when={"mode": ["drill"]}, undo=UNDO),
        step("a", undo=UNDO),
    )
    run.drive()
    assert undone(run) == ["a"]


def test_what_can_not_be_undone_is_listed_with_the_reason():
    run = failing(step("fence", irreversible="the old primary is rebuilt later"), step("a", undo=UNDO))
    run.drive()
    (begun,) = run.bodies(EventKind.ROLLBACK_STARTED)
    assert begun["irreversible"] == {"fence": "the old primary is rebuilt later", "last": "a test"}
    (end,) = ended(run)
    assert end["ok"] is True
    assert "fence stays as it is (the old primary is rebuilt later)" in end["why"]


def test_the_rollback_says_who_asked_and_why():
    run = Told(plan(runbook(step("a", undo=UNDO), step("b"))))
    run.tell("b", failed("no"))
    run.drive()
    run.world.decide("rollback", why="the window closes")
    run.drive()
    (begun,) = run.bodies(EventKind.ROLLBACK_STARTED)
    assert (begun["by"], begun["why"]) == ("wang", "the window closes")
    assert (run.state.ended, run.state.why) == ("rolled_back", "the window closes")


def test_the_runbook_rolls_back_by_itself_and_says_what_failed():
    run = failing(step("a", undo=UNDO))
    run.drive()
    (begun,) = run.bodies(EventKind.ROLLBACK_STARTED)
    assert (begun["by"], begun["why"]) == ("the runbook (on_failure: rollback)", "last: no")


def test_the_runbook_rolls_back_only_when_retries_are_used_up_and_the_rest_has_come_to_rest():
    run = Told(
        plan(
            runbook(
                step("a", needs=[], idempotent=True, retries={"count": 1, "delay": "60s"}, undo=UNDO),
                step("b", needs=[], undo=UNDO),
                on_failure="rollback",
            )
        )
    )
    run.tell("a", failed("one"), failed("two"))
    run.tell("b", Answer(ok(), 59.0))
    run.drive()
    assert len(run.actions("a")) == 2
    assert undone(run) == ["a", "b"]
    assert run.kinds().index("rollback.started") > max(
        number for number, event in enumerate(run.journal.kept) if event.body.get("phase") == "action"
    )


def test_jobs_that_run_are_stopped_before_the_first_undo():
    run = Told(plan(runbook(step("a", undo=UNDO))))
    run.tell("a", Answer(ok(), 50.0))
    run.world.at(10, lambda: run.world.decide("rollback", why="no, stop"))
    run.drive()
    assert run.world.cancelled == ["a.action.1"]
    assert run.kinds().index("step.ended") < run.kinds().index("rollback.started")
    assert run.state.ended == "rolled_back"


def test_a_lost_command_that_is_being_looked_for_is_let_be_before_the_first_undo():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "undo": UNDO}
    run = Told(plan(runbook(lost)))
    run.tell("a", Answer(unknown("link cut"), 5.0))
    run.world.found["a.action.1"] = Answer(ok(), 50.0)
    run.world.at(10, lambda: run.world.decide("rollback", why="no, stop"))
    run.drive()
    assert run.world.cancelled == ["a.action.1"]
    assert run.state.ended == "rolled_back"


# -- undoing fails ---------------------------------------------------------------------------------------------------


def unhappy(undo: dict[str, Any] | None = None) -> Told:
    run = failing(step("a", undo=UNDO), step("b", undo=undo or UNDO), step("c", undo=UNDO))
    run.tell("b:undo", failed("the disk is full"), ok())
    assert run.drive().halt is Halt.STOPPED
    return run


def test_an_undo_that_fails_is_loud_and_the_run_is_not_over():
    run = unhappy()
    (end,) = ended(run)
    assert end["ok"] is False
    assert end["why"] == "undoing b failed: the disk is full"
    assert end["manual"][:2] == ["b: undo it by hand", "a: undo it by hand"]
    assert "retry or mark-done" in end["manual"][-1]
    assert run.state.ended == ""
    assert undone(run) == ["c", "b"], "a is not touched while b is not undone"


def test_it_is_told_once_however_often_the_run_is_taken_up():
    run = unhappy()
    assert run.drive().halt is Halt.STOPPED
    assert len(ended(run)) == 1


def test_a_driver_that_waits_for_people_does_not_wait_for_ever_on_a_failed_undo():
    run = unhappy()
    assert run.drive(wait=True).halt is Halt.STOPPED


def test_retry_brings_the_rollback_on():
    run = unhappy()
    run.world.decide("retry", "b")
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["c", "b", "b", "a"]
    assert [end["ok"] for end in ended(run)] == [False, True]


def test_mark_done_brings_the_rollback_on_and_needs_a_reason():
    run = unhappy()
    run.world.decide("mark-done", "b")
    run.world.decide("mark-done", "b", why="I made room and undid it")
    run.drive()
    assert [body["accepted"] for body in run.bodies(EventKind.DECISION)] == [False, True]
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["c", "b", "a"]


def test_abort_ends_a_rollback_that_can_not_go_on_and_it_can_be_taken_up_again():
    run = unhappy()
    run.world.decide("abort", why="I do the rest by hand")
    run.drive()
    assert run.state.ended == "aborted"
    run.world.decide("rollback", why="the disk is free again")
    run.world.decide("retry", "b")
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["c", "b", "b", "a"]


@pytest.mark.parametrize(
    ("verb", "name", "refused"),
    [
        ("skip", "b", "its undo steps and last checks take retry and mark-done"),
        ("override", "b", "its undo steps and last checks take retry and mark-done"),
        ("retry", "a", "undoing step a has not failed"),
        ("retry", "c", "step c is undone, and the run is being rolled back"),
        ("retry", "last", "step last is failed, and the run is being rolled back"),
        ("mark-done", "last", "step last is failed, and the run is being rolled back"),
        ("rollback", "", "the run is being rolled back already"),
    ],
)
def test_while_rolling_back_only_what_is_to_be_undone_is_decided_on(verb, name, refused):
    run = unhappy()
    run.world.decide(verb, name, why="because")
    run.drive()
    assert refused in run.bodies(EventKind.DECISION)[-1]["refused"]


def test_a_later_undo_can_be_done_by_hand_before_its_turn():
    run = unhappy()
    run.world.decide("mark-done", "a", why="I did it already")
    run.world.decide("retry", "b")
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["c", "b", "b"]


def test_the_manual_steps_say_what_to_run_with_the_values_put_in():
    undo = {"fabric": {"host": "{{ cluster }}-db", "argv": ["pgctl", "demote now", "{{ cluster }}"]}}
    book = runbook(step("a", undo=undo), step("b"), inputs={"cluster": {}}, on_failure="rollback")
    run = Told(plan(book, renderer=TemplateRenderer(), cluster="c1"), renderer=TemplateRenderer())
    run.tell("b", failed("no"))
    run.tell("a:undo", failed("no"))
    run.drive()
    assert ended(run)[0]["manual"][0] == "a: run by hand on c1-db: pgctl 'demote now' c1"


def test_an_undo_that_can_not_be_made_into_a_job_fails_loudly():
    undo = {"fabric": {"host": "db", "argv": ["pgctl", "{{ steps.gone.output.x }}"]}}
    run = Told(plan(runbook(step("a", undo=undo), step("b"), on_failure="rollback")), renderer=TemplateRenderer())
    run.tell("b", failed("no"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "undo_failed"
    assert ended(run)[0]["manual"][0] == "a: run by hand on db: pgctl '{{ steps.gone.output.x }}'"


# -- checks of an undo -----------------------------------------------------------------------------------------------


def test_an_undo_is_only_good_when_its_check_says_so():
    run = failing(step("a", undo=CHECKED))
    run.tell("a:undo_verify", failed("still there"))
    assert run.drive().halt is Halt.STOPPED
    assert ended(run)[0]["why"] == "undoing a failed: still there"


@pytest.mark.parametrize("lost", [unknown("timeout"), gone()])
def test_an_undo_of_unknown_end_is_left_to_its_check(lost):
    run = failing(step("a", undo=CHECKED))
    run.tell("a:undo", lost)
    run.drive()
    assert run.state.ended == "rolled_back"


@pytest.mark.parametrize("lost", [unknown("timeout"), gone()])
def test_an_undo_of_unknown_end_without_a_check_has_failed(lost):
    run = failing(step("a", undo=UNDO))
    run.tell("a:undo", lost)
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "undo_failed"


def test_a_check_that_could_not_look_is_made_again_a_few_times():
    run = failing(step("a", undo=CHECKED))
    run.tell("a:undo_verify", unknown("no route"), unknown("no route"), ok())
    run.drive()
    assert run.state.ended == "rolled_back"
    run = failing(step("a", undo=CHECKED))
    run.tell("a:undo_verify", unknown("no route"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "undo_failed"


def test_a_driver_that_dies_while_it_undoes_finds_the_undo_again():
    run = failing(step("a", undo=CHECKED))
    run.tell("a:undo", Answer(ok(), 50.0))
    run.world.at(20, lambda: run.world.interrupt())
    assert run.drive().halt is Halt.INTERRUPTED
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["a"]


# -- undoing by hand -------------------------------------------------------------------------------------------------


def test_an_undo_by_hand_is_asked_for_and_waited_for():
    run = failing(step("a", undo=BY_HAND), step("b", undo=UNDO))
    assert run.drive().halt is Halt.WAITING
    (asked,) = run.bodies(EventKind.STEP_WAITING)
    assert (asked["step"], asked["kind"], asked["undo"]) == ("a", "manual", True)
    assert asked["instructions"]["en"] == "Put the cable back"
    run.world.decide("mark-done", "a")
    run.drive()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["b"]


def test_it_is_asked_for_once_however_often_the_run_is_taken_up():
    run = failing(step("a", undo=BY_HAND))
    run.drive()
    run.drive()
    assert len(run.bodies(EventKind.STEP_WAITING)) == 1


def test_an_undo_by_hand_is_checked_and_asked_for_again_when_the_check_fails():
    run = failing(step("a", undo={**BY_HAND, "verify": LOOK}))
    run.tell("a:undo_verify", failed("still there"), ok())
    run.drive()
    run.world.decide("mark-done", "a")
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "undo_failed"
    run.world.decide("retry", "a")
    assert run.drive().halt is Halt.WAITING
    assert len(run.bodies(EventKind.STEP_WAITING)) == 2
    run.world.decide("mark-done", "a")
    run.drive()
    assert run.state.ended == "rolled_back"


# -- the steady state afterwards -------------------------------------------------------------------------------------


def test_the_steady_state_is_probed_again_when_everything_is_undone():
    run = failing(step("a", undo=UNDO), steady_state=[LOOK, LOOK])
    run.drive()
    assert run.state.ended == "rolled_back"
    assert run.world.done[-2:] == ["steady-rollback-1.action.1", "steady-rollback-2.action.1"]
    assert ended(run)[0]["why"] == "everything that can be undone was undone; last stays as it is (a test)"


def test_health_that_does_not_come_back_is_a_failure_loudly():
    run = failing(step("a", undo=UNDO), steady_state=[LOOK, LOOK])
    run.tell("steady-rollback-2", failed("no answer"), ok())
    assert run.drive().halt is Halt.STOPPED
    (end,) = ended(run)
    assert end["ok"] is False
    assert end["why"] == "everything was undone, but the steady state is not back: steady-rollback-2: no answer"
    assert run.state.ended == ""
    run.world.decide("retry", "steady-rollback-2")
    run.drive()
    assert run.state.ended == "rolled_back"


def test_taking_health_as_good_needs_a_reason_and_is_a_breach():
    run = failing(step("a", undo=UNDO), steady_state=[LOOK])
    run.tell("steady-rollback-1", failed("no answer"))
    run.drive()
    run.world.decide("mark-done", "steady-rollback-1")
    run.world.decide("mark-done", "steady-rollback-1", why="the probe's own host is down")
    run.drive()
    assert run.state.ended == "rolled_back"
    assert run.bodies(EventKind.BREACH)[-1]["detail"].endswith("though it says: no answer")


def test_a_check_of_the_steady_state_that_is_lost_is_made_again():
    run = failing(step("a", undo=UNDO), steady_state=[LOOK])
    run.tell("steady-rollback-1", unknown("no route"), ok())
    run.drive()
    assert run.state.ended == "rolled_back"
    assert [end["ok"] for end in ended(run)] == [True]


def test_there_is_nothing_to_undo_and_health_is_probed_all_the_same():
    run = failing(steady_state=[LOOK])
    run.drive()
    assert run.state.ended == "rolled_back"
    assert run.world.done == ["last.action.1", "steady-rollback-1.action.1"]


def test_an_rto_that_passes_while_rolling_back_is_reported():
    run = failing(
        step("break", marks="onset"),
        step("a", undo=UNDO, marks="service_restored", needs=["last"]),
        step("b", needs=["break"], undo=UNDO),
        objectives={"rto": "30s"},
    )
    run.tell("b:undo", Answer(ok(), 50.0))
    run.drive()
    assert [body["kind"] for body in run.bodies(EventKind.BREACH)] == ["rto"]


@pytest.mark.parametrize("where", ["crash_before", "crash_after"])
def test_a_crash_right_at_the_order_to_roll_back_loses_nothing(where):
    run = Told(plan(runbook(step("a", undo=UNDO), step("b"))))
    run.tell("b", failed("no"))
    run.drive()
    run.world.decide("rollback", why="stop")
    setattr(run.journal, where, len(run.journal.kept) + 3)
    with pytest.raises(Crash):
        run.drive()
    run.crash_and_resume()
    assert run.state.ended == "rolled_back"
    assert undone(run) == ["a"]
