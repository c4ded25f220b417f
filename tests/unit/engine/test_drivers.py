"""Drivers: one at a time, none for ever, and none that begins what it does not own."""

from __future__ import annotations

import pytest
from engine_kit import Answer, Crash, FakeWorld, Told, failed, gone, ok, plan, runbook, step, unknown

from orchestrator.documents.templates import TemplateRenderer
from orchestrator.engine.runner import Halt
from orchestrator.errors import DriverConflict, StoreUnavailable, UsageError
from orchestrator.model.event import EventKind
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.testing import MemoryJournal

LOOK = {"probe": {"tcp": "x:1"}}


def rival_of(run: Told) -> MemoryJournal:
    return MemoryJournal(run.plan.run_id, run.world.clock, "rival", run.journal.kept)


def claim(rival: MemoryJournal) -> None:
    rival.append(EventKind.DRIVER_CLAIMED, {"pid": 99})


def test_a_zombie_driver_begins_nothing_more():
    run = Told(plan(runbook(step("a"), step("b"))))
    run.tell("a", Answer(ok(), 30.0))
    run.world.at(10, lambda: claim(rival_of(run)))
    with pytest.raises(DriverConflict):
        run.drive()
    assert run.world.done == ["a.action.1"]
    assert run.kinds()[-1] == "driver.claimed"


def test_the_new_driver_finds_what_the_zombie_began():
    run = Told(plan(runbook(step("a"), step("b"))))
    run.tell("a", Answer(ok(), 30.0))
    run.world.at(10, lambda: claim(rival_of(run)))
    with pytest.raises(DriverConflict):
        run.drive()
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "b.action.1"]


@pytest.mark.parametrize("pause", [60.0, 86000.0])
def test_a_driver_that_was_stopped_for_long_looks_whether_it_still_drives_before_it_acts(pause):
    run = Told(plan(runbook(step("a", timeout="60s"), step("b", needs=[]), step("c", needs=["b"]))))
    run.tell("a", Answer(ok(), None))
    run.tell("b", Answer(ok(), 20.0))

    def stopped_and_continued() -> None:
        claim(rival_of(run))
        run.world.clock.pass_time(pause)

    run.world.at(10, stopped_and_continued)
    with pytest.raises(DriverConflict):
        run.drive()
    assert run.world.done == ["a.action.1", "b.action.1"]
    assert run.world.cancelled == [], "nor does it stop a job that somebody else looks after now"
    assert run.world.forgotten == []


def test_after_a_long_pause_what_was_reported_meanwhile_is_heard_before_anything_is_given_up():
    run = Told(plan(runbook(step("a", timeout="60s"))))
    run.tell("a", Answer(ok(), 20.0))
    run.world.at(10, lambda: run.world.clock.pass_time(86000))
    run.drive()
    assert run.state.ended == "succeeded"


def test_a_job_is_begun_only_after_its_start_is_in_the_journal():
    undo = {"scripted": {}, "verify": LOOK}
    run = Told(plan(runbook(step("a", verify=LOOK, undo=undo), step("b"), on_failure="rollback")))
    run.tell("b", failed("no"))
    begin = run.world.begin
    unannounced: list[str] = []

    def watched(job) -> None:
        if run.journal.kept[-1].body.get("ident") != job.ident:
            unannounced.append(job.ident)
        begin(job)

    run.world.begin = watched
    run.drive()
    assert run.state.ended == "rolled_back"
    assert len(run.world.done) == 5
    assert unannounced == []


def test_a_store_that_is_gone_stops_the_driver_and_lets_the_jobs_go():
    run = Told(plan(runbook(step("a", budget="5s"), step("b"))))
    run.tell("a", Answer(ok(), 30.0))
    append = run.journal.append
    gone_from = []

    def full(kind, body):
        if kind is EventKind.STEP_OVER_BUDGET and not gone_from:
            gone_from.append(kind)
            raise StoreUnavailable("the disk is full")
        return append(kind, body)

    run.journal.append = full
    with pytest.raises(StoreUnavailable):
        run.drive()
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "b.action.1"]


# -- jobs that do not answer -----------------------------------------------------------------------------------------


def test_a_job_taken_up_long_after_its_timeout_is_asked_before_it_is_given_up():
    run = Told(plan(runbook(step("a", timeout="10m"))))
    run.tell("a", Answer(ok(), 300.0))
    run.world.at(5, lambda: run.world.interrupt())
    run.drive()
    run.world.clock.pass_time(7200)
    run.drive()
    assert run.state.ended == "succeeded"


@pytest.mark.parametrize("phase", ["verify", "undo", "undo_verify"])
def test_no_phase_waits_for_ever(phase):
    undo = {"scripted": {}, "timeout": "10s", "verify": {**LOOK, "within": "5s"}}
    book = runbook(step("a", timeout="20s", verify=LOOK, undo=undo), step("b"), on_failure="rollback")
    run = Told(plan(book))
    run.tell(f"a:{phase}", Answer(ok(), None, deaf=True))
    run.tell("b", failed("no"))
    before = run.world.clock.mono()
    run.drive()
    assert run.world.clock.mono() - before < 600
    errors = [str(body["outcome"].get("error")) for body in run.bodies(EventKind.STEP_ENDED)]
    assert any("no answer 30s after its timeout" in error for error in errors)


def test_a_job_that_was_given_up_is_not_looked_for_while_it_may_still_be_at_work():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "20s", "irreversible": "a test"}
    run = Told(plan(runbook(lost)))
    run.tell("a", Answer(ok(), None, deaf=True))
    assert run.drive().halt is Halt.STOPPED
    assert run.world.attached == []
    assert run.world.cancelled == ["a.action.1"]
    run.world.found["a.action.1"] = Answer(ok(), 1.0)
    run.drive()
    assert run.world.attached == ["a.action.1"], "the next driver looks"
    assert run.state.ended == "succeeded"


def test_a_job_that_was_given_up_and_answers_at_last_is_looked_for():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "20s", "irreversible": "a test"}
    run = Told(plan(runbook(lost, step("b", needs=[]))))
    run.tell("a", Answer(ok(), None))
    run.world.found["a.action.1"] = Answer(ok(), 1.0)
    run.tell("b", Answer(ok(), 59.0))
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "b.action.1"]


# -- what was lost ---------------------------------------------------------------------------------------------------


def test_a_step_whose_verification_was_lost_is_verified_again_and_not_begun_again():
    command = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "x", "verify": LOOK}
    run = Told(plan(runbook(command)))
    run.tell("a:verify", unknown("no route"), ok())
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "a.verify.2", "a.verify.3"]


def test_a_verification_that_can_never_look_ends_with_a_question():
    run = Told(plan(runbook(step("a", verify=LOOK))))
    run.tell("a:verify", unknown("no route"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "unknown"
    assert len(run.world.done) == 4


def test_a_verification_that_was_lost_and_then_fails_has_failed():
    run = Told(plan(runbook(step("a", role="fence", verify=LOOK), step("promote"))))
    run.tell("a:verify", unknown("no route"), failed("still open"))
    run.drive()
    assert run.status("a") == "failed"


def test_a_lost_command_that_never_began_is_begun_now():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "a test"}
    run = Told(plan(runbook(lost)))
    run.tell("a", Answer(unknown("link cut"), 5.0, later=None), Answer(ok()))
    run.world.found["a.action.1"] = Answer(Outcome(Ending.NOT_STARTED), 0.0)
    run.drive()
    again = [body for body in run.bodies(EventKind.STEP_STARTED) if body.get("again")]
    assert [body["ident"] for body in again] == ["a.action.1"]


def test_a_command_that_is_always_lost_before_it_begins_is_not_begun_for_ever():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "a test"}
    run = Told(plan(runbook(lost)))
    run.tell("a", unknown("link cut"))
    run.world.found["a.action.1"] = Answer(Outcome(Ending.NOT_STARTED), 0.0)
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "unknown"
    assert len(run.bodies(EventKind.STEP_STARTED)) < 10


def test_proof_of_a_lost_command_is_kept_until_it_has_been_looked_for():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "a test"}
    run = Told(plan(runbook(lost)))
    run.tell("a", Answer(unknown("link cut"), 5.0, later=ok()))
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.attached == ["a.action.1"]
    assert run.world.forgotten == ["a.action.1"]


def test_a_crash_does_not_use_up_retries():
    run = Told(plan(runbook(step("a", probe={"tcp": "x:1"}, changes=False, retries={"count": 1, "delay": "1s"}))))
    run.tell("a", Answer(ok(), 30.0), Answer(failed("one")), Answer(ok()))
    run.world.at(5, lambda: run.world.interrupt())
    run.drive()
    run.drive()
    assert run.state.ended == "succeeded"
    assert len(run.actions("a")) == 3


def test_a_broken_expectation_fails_the_step_and_not_the_driver():
    book = runbook(step("a", expect={"x": {"matches": "{{ p }}"}}), inputs={"p": {}})
    run = Told(plan(book, renderer=TemplateRenderer(), p="("), renderer=TemplateRenderer())
    run.tell("a", ok(x="ok"))
    assert run.drive().halt is Halt.STOPPED
    assert "the expectation can not be read" in run.state.steps["a"].error


# -- asking ----------------------------------------------------------------------------------------------------------


def test_a_question_that_can_not_be_put_fails_its_step():
    ask = step("go", approve={"question": "Lag is {{ steps.gone.output.lag }}; go?"}, changes=False)
    run = Told(plan(runbook(ask)), renderer=TemplateRenderer())
    assert run.drive().halt is Halt.STOPPED
    assert run.status("go") == "failed"
    assert "gone" in run.state.steps["go"].error


@pytest.mark.parametrize("where", ["crash_before", "crash_after"])
def test_a_crash_between_the_two_events_of_a_step_that_could_not_begin_is_no_trap(where):
    command = step("a", fabric={"host": "x", "argv": ["{{ steps.gone.output.x }}"]})
    run = Told(plan(runbook(command)), renderer=TemplateRenderer())
    setattr(run.journal, where, 4 if where == "crash_before" else 3)
    with pytest.raises(Crash):
        run.drive()
    assert run.crash_and_resume().halt is Halt.STOPPED
    assert run.status("a") == "failed"


def test_a_secret_that_is_missing_at_resume_is_said_and_what_runs_is_let_go():
    command = step("a", fabric={"host": "x", "argv": ["y"], "stdin": "{{ pw }}"})
    made = plan(runbook(command, inputs={"pw": {"type": "secret"}}), renderer=TemplateRenderer(), pw="env:PW")
    run = Told(made, renderer=TemplateRenderer(), secrets={"env:PW": "hunter22"})
    run.tell("a", Answer(ok(), 50.0))
    run.world.at(5, lambda: run.world.interrupt())
    run.drive()
    run.secrets = {}
    with pytest.raises(UsageError, match="env:PW is not to be had"):
        run.drive()
    run.secrets = {"env:PW": "hunter22"}
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1"]


# -- budgets, room, the clock ----------------------------------------------------------------------------------------


def test_people_have_budgets_too():
    run = Told(plan(runbook(step("a", manual={"instructions": "Do it"}, budget="5m"))))
    run.world.at(600, lambda: run.world.decide("mark-done", "a"))
    run.drive(wait=True)
    assert [body["step"] for body in run.bodies(EventKind.STEP_OVER_BUDGET)] == ["a"]


def test_no_more_jobs_than_there_is_room_for_run_at_once():
    class Counting(FakeWorld):
        most = 0

        def begin(self, job) -> None:
            super().begin(job)
            self.most = max(self.most, len(self._in_hand))

    world = Counting()
    names = [f"s{number}" for number in range(9)]
    steps = [step(name, needs=[], idempotent=True, verify=LOOK) for name in names]
    run = Told(plan(runbook(*steps)), world, parallel=2)
    for name in names:
        run.tell(name, unknown("lost"), ok())
    run.drive()
    assert run.state.ended == "succeeded"
    assert world.most == 2


def test_a_wall_clock_that_is_set_is_flagged_before_it_can_pass_for_a_missed_rto():
    run = Told(
        plan(runbook(step("break", marks="onset"), step("back", marks="service_restored"), objectives={"rto": "5m"}))
    )
    run.tell("back", Answer(ok(), 50.0))
    run.world.at(20, lambda: run.world.clock.jump(3600))
    run.drive()
    assert [body["by"] for body in run.bodies(EventKind.CLOCK_JUMPED)] == [3600]
    assert run.bodies(EventKind.BREACH) == []


def test_an_rto_that_is_really_missed_is_reported_though_the_clock_was_set_back():
    run = Told(
        plan(runbook(step("break", marks="onset"), step("back", marks="service_restored"), objectives={"rto": "30s"}))
    )
    run.tell("back", Answer(ok(), 50.0))
    run.world.at(20, lambda: run.world.clock.jump(-3600))
    run.drive()
    assert [body["kind"] for body in run.bodies(EventKind.BREACH)] == ["rto"]


def test_a_driver_told_not_to_wait_says_that_people_are_awaited():
    run = Told(plan(runbook(step("a", manual={"instructions": "Do it"}), step("b", needs=[]))))
    run.tell("b", gone())
    assert run.drive().halt is Halt.WAITING
    assert run.bodies(EventKind.DRIVER_RELEASED)[-1] == {"why": "waiting", "running": []}


# -- waits that lead nowhere any more --------------------------------------------------------------------------------


def waiting(*more: dict, **book) -> Told:
    """A run with a long wait beside steps that can fail."""
    back = step("back", needs=[], wait={"for": "20m"}, timeout="30m", changes=False)
    run = Told(plan(runbook(back, step("a", needs=[]), step("b", needs=["a", "back"]), *more, **book)))
    run.tell("back", Answer(ok(), 1200.0))
    run.tell("a", failed("no"))
    return run


def test_a_person_is_told_at_once_when_only_waits_are_left_that_lead_nowhere():
    run = waiting()
    before = run.world.clock.mono()
    assert run.drive().halt is Halt.STOPPED
    assert run.world.clock.mono() - before < 5
    run.tell("back", ok())
    run.world.decide("mark-done", "a", why="I did it")
    run.drive()
    assert run.state.ended == "succeeded"


def test_a_wait_that_something_else_goes_on_from_is_waited_for():
    run = waiting(step("c", needs=["back"]))
    assert run.drive().halt is Halt.STOPPED
    assert run.actions("c") == ["c.action.1"]


def test_the_runbook_rolls_back_without_waiting_for_what_leads_nowhere():
    run = waiting(on_failure="rollback")
    before = run.world.clock.mono()
    run.drive()
    assert run.state.ended == "rolled_back"
    assert run.world.clock.mono() - before < 5
    assert run.world.cancelled == ["back.action.1"]


def test_an_abort_waits_for_the_end_of_a_wait_that_is_told_to_stop():
    run = waiting()
    run.tell("a", Answer(failed("no"), 10.0))
    run.tell("back", Answer(ok(), None, deaf=True))
    run.world.at(10.0, lambda: run.world.decide("abort", why="the wrong cluster"))
    run.drive()
    assert run.state.ended == "aborted"
