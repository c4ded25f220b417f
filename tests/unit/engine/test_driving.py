from __future__ import annotations

from engine_kit import Answer, failed, step, unknown

from orchestrator.engine.runner import Halt
from orchestrator.model.event import EventKind
from orchestrator.model.outcome import Ending, Outcome, ok


def test_steps_without_needs_run_one_after_the_other(stage):
    run = stage(step("a"), step("b"), step("c"))
    assert run.drive().halt is Halt.ENDED
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "b.action.1", "c.action.1"]


def test_branches_run_in_parallel_and_meet(stage):
    run = stage(step("a", needs=[]), step("b", needs=[]), step("c", needs=["a", "b"]))
    run.tell("a", Answer(ok(), 10.0))
    run.tell("b", Answer(ok(), 10.0))
    before = run.world.clock.mono()
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.clock.mono() - before < 12.0


def test_a_step_is_journaled_as_started_before_it_is_begun(stage):
    run = stage(step("a"))
    seen: list[int] = []
    begin = run.world.begin
    run.world.begin = lambda job: (seen.append(run.kinds().count("step.started")), begin(job))
    run.drive()
    assert seen == [1]


def test_a_failed_step_holds_back_what_needs_it_but_not_other_branches(stage):
    run = stage(step("a", needs=[]), step("b"), step("c", needs=[]), step("d"))
    run.tell("a", failed("no"))
    assert run.drive().halt is Halt.STOPPED
    assert (run.status("a"), run.status("b"), run.status("c"), run.status("d")) == (
        "failed",
        "pending",
        "succeeded",
        "succeeded",
    )
    assert run.state.ended == ""


def test_unknown_is_not_ok_and_is_not_repeated(stage):
    run = stage(step("a"), step("b"))
    run.tell("a", unknown("timeout"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "unknown"
    assert run.world.done == ["a.action.1"]


def test_an_unknown_step_that_may_be_probed_is_settled_by_its_verify(stage):
    run = stage(step("a", on_doubt="probe", verify={"probe": {"tcp": "x:1"}}), step("b"))
    run.tell("a", unknown("link cut"))
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.state.steps["a"].settled_by == "probe"
    assert run.world.done == ["a.action.1", "a.verify.2", "b.action.1"]


def test_a_probe_that_finds_no_effect_asks_unless_the_step_is_idempotent(stage):
    run = stage(step("a", on_doubt="probe", verify={"probe": {"tcp": "x:1"}}))
    run.tell("a", unknown("link cut"))
    run.tell("a:verify", failed("not there"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "in_doubt"
    assert run.world.done == ["a.action.1", "a.verify.2"]


def test_an_idempotent_step_of_unknown_end_is_done_again(stage):
    run = stage(step("a", idempotent=True))
    run.tell("a", unknown("timeout"), ok())
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "a.action.2"]


def test_an_idempotent_step_that_stays_unknown_is_not_done_for_ever(stage):
    run = stage(step("a", idempotent=True))
    run.tell("a", unknown("timeout"))
    assert run.drive().halt is Halt.STOPPED
    assert len(run.world.done) == 4


def test_a_lost_command_is_looked_for_on_its_target_before_anything_else(stage):
    run = stage({"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "a test"})
    run.tell("a", unknown("link cut"))
    run.world.found["a.action.1"] = Answer(ok(rc=0), 5.0)
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1"]


def test_a_repeatable_step_is_retried_after_its_delay(stage):
    run = stage(step("a", idempotent=True, retries={"count": 2, "delay": "30s"}))
    run.tell("a", failed("one"), failed("two"), ok())
    before = run.world.clock.mono()
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.state.steps["a"].attempt == 3
    assert 60 < run.world.clock.mono() - before < 70


def test_verify_that_fails_fails_the_step_and_says_what_it_saw(stage):
    run = stage(
        step("fence", role="fence", verify={"probe": {"tcp": "old:5432"}, "expect": {"open": False}}),
        step("promote"),
    )
    run.tell("fence:verify", failed("open: wanted False, got True"))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("fence") == "failed"
    assert run.status("promote") == "pending"
    assert "wanted False" in run.state.steps["fence"].error


def test_an_unmet_expectation_is_a_failure_with_the_reason(stage):
    run = stage(step("lag", expect={"lag_s": {"max": 30}}), step("promote"))
    run.tell("lag", ok(lag_s=400))
    assert run.drive().halt is Halt.STOPPED
    assert "wanted at most 30, got 400" in run.state.steps["lag"].error
    assert run.bodies(EventKind.STEP_ENDED)[0]["unmet"]


def test_a_step_past_its_budget_is_reported_while_it_runs(stage):
    run = stage(step("a", budget="5s", timeout="60s"))
    run.tell("a", Answer(ok(), 20.0))
    run.drive()
    over = next(e for e in run.journal.events() if e.kind is EventKind.STEP_OVER_BUDGET)
    ended = next(e for e in run.journal.events() if e.kind is EventKind.STEP_ENDED)
    assert over.seq < ended.seq
    assert over.body["elapsed"] < 6


def test_passing_the_rto_is_reported_while_the_service_is_still_away(stage):
    run = stage(step("break", marks="onset"), step("restore", marks="service_restored"), objectives={"rto": "30s"})
    run.tell("restore", Answer(ok(), 50.0))
    run.drive()
    breach = next(e for e in run.journal.events() if e.kind is EventKind.BREACH)
    assert breach.body["kind"] == "rto"
    assert breach.seq < run.journal.events()[-1].seq


def test_a_hung_job_is_given_up_as_unknown_after_its_timeout(stage):
    run = stage(step("a", timeout="10s"))
    run.tell("a", Answer(ok(), None))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "unknown"


def test_a_signal_starts_no_new_step_and_names_what_runs_on(stage):
    run = stage(step("a"), step("b"))
    run.tell("a", Answer(ok(), 30.0))
    run.world.at(5.0, lambda: run.world.interrupt("SIGTERM"))
    driven = run.drive()
    assert driven.halt is Halt.INTERRUPTED
    assert driven.running == ("a.action.1",)
    assert run.status("b") == "pending"
    assert run.bodies(EventKind.DRIVER_RELEASED)[-1] == {"why": "SIGTERM", "running": ["a.action.1"]}


def test_after_a_signal_resume_attaches_instead_of_repeating(stage):
    run = stage(step("a"), step("b"))
    run.tell("a", Answer(ok(), 30.0))
    run.world.at(5.0, lambda: run.world.interrupt())
    run.drive()
    run.world.found["a.action.1"] = Answer(ok(), 3.0)
    run.drive()
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.action.1", "b.action.1"]


def test_a_clock_that_jumps_is_flagged_and_durations_stay_true(stage):
    run = stage(step("a"), step("b"))
    run.world.at(0.5, lambda: run.world.clock.jump(3600))
    run.drive()
    assert [round(body["by"]) for body in run.bodies(EventKind.CLOCK_JUMPED)] == [3600]
    assert [body["elapsed"] for body in run.bodies(EventKind.STEP_ENDED)] == [1.0, 1.0]


def test_a_step_left_out_by_its_mode_lets_the_next_go_on(stage):
    run = stage(step("break", when={"mode": ["drill"]}), step("act"))
    run.drive()
    assert run.status("break") == "skipped"
    assert run.state.ended == "succeeded"


def test_what_is_known_of_a_job_is_kept_until_its_end_is_journaled(stage):
    run = stage(step("a"))
    ended_before: list[int] = []
    forget = run.world.forget
    run.world.forget = lambda ident: (ended_before.append(run.kinds().count("step.ended")), forget(ident))
    run.drive()
    assert ended_before == [1]


def test_doubt_without_a_way_to_know_asks(stage):
    run = stage(step("a"))
    run.tell("a", Answer(ok(), 30.0))
    run.world.at(5.0, lambda: run.world.interrupt())
    run.drive()
    run.world.found["a.action.1"] = Answer(Outcome(Ending.GONE, error="no trace"), 0.0)
    assert run.drive().halt is Halt.STOPPED
    assert run.status("a") == "in_doubt"
    assert run.world.done == ["a.action.1"]


def test_a_wait_that_leads_nowhere_does_not_keep_a_person_from_being_told(stage):
    run = stage(
        step("lag", needs=[]),
        step("promote"),
        {"id": "back", "needs": [], "wait": {"for": "30m"}, "timeout": "30m"},
        step("measure", needs=["back", "promote"]),
    )
    run.tell("lag", failed("too far behind"))
    run.tell("back", Answer(ok(), 1700.0))
    before = run.world.clock.mono()
    assert run.drive().halt is Halt.STOPPED
    assert run.world.clock.mono() - before < 60
    assert run.status("back") == "running"


def test_a_wait_that_another_branch_needs_is_waited_for_though_a_step_failed(stage):
    run = stage(
        step("lag", needs=[]),
        step("promote"),
        {"id": "back", "needs": [], "wait": {"for": "5m"}, "timeout": "30m"},
        step("tell", needs=["back"]),
    )
    run.tell("lag", failed("too far behind"))
    run.tell("back", Answer(ok(), 300.0))
    assert run.drive().halt is Halt.STOPPED
    assert run.status("tell") == "succeeded"
