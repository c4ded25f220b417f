from __future__ import annotations

from typing import Any

import pytest
from engine_kit import Answer, Crash, Told, failed, ok, plan, runbook, step, unknown

from orchestrator.engine.runner import Halt
from orchestrator.model.document import Mode
from orchestrator.model.event import EventKind

LOOK = {"probe": {"tcp": "x:1"}}


def asking(book: dict[str, Any] | None = None, **more: Any) -> Told:
    """A run that waits for an approval."""
    ask = step("go", approve={"question": "Go?", **more}, changes=False)
    run = Told(plan(runbook(ask, step("b"), **(book or {}))))
    assert run.drive().halt is Halt.WAITING
    return run


def stopped(*steps: dict[str, Any], **told: Any) -> Told:
    """A run that stands still on a stuck step."""
    run = Told(plan(runbook(*steps)))
    for name, ending in told.items():
        run.tell(name, ending)
    assert run.drive().halt is Halt.STOPPED
    return run


def decide(run: Told, *decisions: tuple[str, str] | tuple[str, str, str], why: str = "because") -> Told:
    for verb, name, *by in decisions:
        run.world.decide(verb, name, by=by[0] if by else "wang", why=why)
    run.drive()
    return run


def last(run: Told) -> dict[str, Any]:
    return run.bodies(EventKind.DECISION)[-1]


def breaches(run: Told) -> list[str]:
    return [body["kind"] for body in run.bodies(EventKind.BREACH)]


# -- approvals -------------------------------------------------------------------------------------------------------


def test_an_approval_lets_the_run_go_on_and_names_who_gave_it():
    run = decide(asking(), ("approve", "go"))
    assert run.state.ended == "succeeded"
    assert run.bodies(EventKind.STEP_ENDED)[0]["outcome"]["output"] == {"approved_by": ["wang"]}


@pytest.mark.parametrize("by", ["li", "Li", " li  "])
def test_the_starter_can_not_approve_whichever_way_the_name_is_written(by):
    run = decide(asking(), ("approve", "go", by))
    assert "who started a run does not approve it" in last(run)["refused"]
    assert run.status("go") == "waiting"


def test_another_name_from_the_starters_account_is_the_starter():
    run = asking()
    run.world.decide("approve", "go", by="wang", account="li@desk")
    run.drive()
    assert "who started a run" in last(run)["refused"]


def test_a_named_approver_may_use_the_starters_desk():
    run = asking(of=["wang"])
    run.world.decide("approve", "go", by="wang", account="li@desk")
    run.drive()
    assert run.state.ended == "succeeded"


def test_the_starter_may_approve_where_the_runbook_says_so():
    run = decide(asking({"self_approval": True}), ("approve", "go", "li"))
    assert run.state.ended == "succeeded"


def test_only_named_people_may_approve():
    run = decide(asking(of=["zhao", "qian"]), ("approve", "go", "wang"))
    assert last(run)["refused"] == "wang may not approve this; zhao, qian may"


def test_n_of_m_must_approve_and_nobody_counts_twice():
    run = decide(asking(of=["wang", "zhao", "qian"], count=2), ("approve", "go", "wang"), ("approve", "go", "Wang"))
    assert last(run)["refused"] == "Wang has approved already"
    assert run.status("go") == "waiting"
    decide(run, ("approve", "go", "qian"))
    assert run.state.ended == "succeeded"


def test_an_approval_that_is_not_given_in_time_expires():
    run = asking(deadline="10m")
    run.world.clock.pass_time(601)
    assert run.drive().halt is Halt.STOPPED
    assert run.status("go") == "failed"
    assert "deadline (10m00s)" in run.state.steps["go"].error


def test_an_expired_approval_is_refused_and_can_be_asked_for_again():
    run = asking(deadline="10m")
    run.world.clock.pass_time(601)
    run.drive()
    decide(run, ("approve", "go"))
    assert last(run)["refused"] == "step go is failed, not waiting"
    decide(run, ("retry", "go"))
    assert run.status("go") == "waiting"
    decide(run, ("approve", "go"))
    assert run.state.ended == "succeeded"


def test_an_approval_given_too_late_is_refused_though_nobody_drove_the_run_meanwhile():
    run = asking(deadline="10m")
    run.world.clock.pass_time(601)
    decide(run, ("approve", "go"))
    assert last(run)["refused"] == "the deadline had passed when it was given; retry asks again"
    assert run.status("go") == "failed"


def test_an_approval_given_in_time_counts_though_it_is_taken_up_later():
    run = asking(deadline="10m")
    run.world.decide("approve", "go")
    run.world.clock.pass_time(3600)
    run.drive()
    assert run.state.ended == "succeeded"


def test_an_approval_expires_while_the_driver_waits():
    run = Told(plan(runbook(step("go", approve={"question": "Go?", "deadline": "10m"}, changes=False))))
    before = run.world.clock.mono()
    assert run.drive(wait=True).halt is Halt.STOPPED
    assert 600 <= run.world.clock.mono() - before < 601


def test_a_wall_clock_that_is_set_expires_no_approval():
    run = Told(plan(runbook(step("go", approve={"question": "Go?", "deadline": "10m"}, changes=False))))
    run.world.at(60, lambda: run.world.clock.jump(3600))
    run.world.at(120, lambda: run.world.decide("approve", "go"))
    run.drive(wait=True)
    assert run.state.ended == "succeeded"


def test_a_second_asking_does_not_count_the_first_ones_approvals():
    run = decide(asking(count=2, deadline="10m"), ("approve", "go", "wang"))
    run.world.clock.pass_time(601)
    run.drive()
    decide(run, ("retry", "go"))
    decide(run, ("approve", "go", "zhao"))
    assert run.status("go") == "waiting"


def test_a_rejection_needs_a_reason_and_stops_the_run():
    run = decide(asking(), ("reject", "go"), why="")
    assert last(run)["refused"] == "reject needs a reason"
    decide(run, ("reject", "go"), why="too risky")
    assert run.status("go") == "failed"
    assert run.state.steps["go"].error == "wang said no: too risky"


@pytest.mark.parametrize("verb", ["skip", "mark-done"])
def test_an_approval_is_not_skipped(verb):
    run = decide(asking(), (verb, "go"))
    assert last(run)["refused"] == f"step go is a safeguard; it takes override, not {verb}"


def test_one_person_overrides_an_approval_and_that_is_a_breach():
    run = decide(asking(count=3), ("override", "go", "li"), why="nobody answers the phone")
    assert run.state.ended == "succeeded"
    body = run.bodies(EventKind.BREACH)[0]
    assert (body["kind"], body["by"]) == ("approval", "li")
    assert "nobody answers the phone" in body["detail"]


def test_an_override_needs_a_reason():
    assert last(decide(asking(), ("override", "go"), why="  "))["refused"] == "override needs a reason"


def test_approving_what_asks_for_no_approval_is_refused():
    run = decide(asking(), ("approve", "b"))
    assert last(run)["refused"] == "step b asks for no approval"


def test_an_approval_holds_no_worker():
    run = Told(
        plan(runbook(step("a", needs=[]), step("go", needs=[], approve={"question": "Go?"}, changes=False))), parallel=1
    )
    run.tell("a", Answer(ok(), 50.0))
    run.world.at(10, lambda: run.world.decide("approve", "go"))
    run.drive(wait=True)
    asked = run.events(EventKind.STEP_WAITING)[0]
    assert run.events(EventKind.STEP_ENDED)[0].body["step"] == "go"
    assert asked.seq < run.events(EventKind.STEP_STARTED)[0].seq


# -- what the approver saw -------------------------------------------------------------------------------------------


def test_a_decision_on_another_plan_is_refused():
    run = asking()
    run.world.decide("approve", "go", digest="0" * 64)
    run.drive()
    assert last(run)["refused"].startswith("it was given for the plan 000000000000, and this run's is ")
    assert last(run)["digest"] == "0" * 64
    assert run.status("go") == "waiting"


def test_a_decision_on_this_plan_is_taken():
    run = asking()
    run.world.decide("approve", "go", digest=run.plan.digest)
    run.drive()
    assert run.state.ended == "succeeded"


# -- fences ----------------------------------------------------------------------------------------------------------

FENCE = (step("fence", role="fence", verify=LOOK), step("promote"))


def lying() -> Told:
    return stopped(*FENCE, **{"fence:verify": failed("open: wanted False, got True")})


def test_a_fence_that_lies_stops_before_promote():
    run = lying()
    assert run.status("fence") == "failed"
    assert run.actions("promote") == []


@pytest.mark.parametrize("verb", ["skip", "mark-done"])
def test_a_fence_is_neither_skipped_nor_marked_done(verb):
    run = decide(lying(), (verb, "fence"))
    assert last(run)["refused"] == f"step fence is a safeguard; it takes override, not {verb}"


def test_one_person_is_not_enough_to_override_a_fence():
    run = decide(lying(), ("override", "fence", "wang"), ("override", "fence", "WANG"))
    assert last(run)["refused"] == "overriding a fence needs two people, and you are the first already"
    assert run.status("fence") == "failed"
    assert breaches(run) == []


def test_two_people_override_a_fence_and_both_are_named_in_the_breach():
    run = decide(lying(), ("override", "fence", "wang"), ("override", "fence", "zhao"), why="the rack burnt down")
    assert run.state.ended == "succeeded"
    (body,) = run.bodies(EventKind.BREACH)
    assert body["kind"] == "fence"
    assert "wang and zhao" in body["detail"] and "the rack burnt down" in body["detail"]
    assert "same account" not in body["detail"]


def test_two_people_at_one_desk_are_told_as_such():
    run = lying()
    for by in ("wang", "zhao"):
        run.world.decide("override", "fence", by=by, why="burnt", account="root@jump")
    run.drive()
    assert "wang and zhao (both from the same account)" in run.bodies(EventKind.BREACH)[0]["detail"]


def test_an_override_of_an_earlier_attempt_does_not_count():
    run = decide(lying(), ("override", "fence", "wang"), ("retry", "fence"))
    assert run.status("fence") == "failed"
    decide(run, ("override", "fence", "zhao"))
    assert run.status("fence") == "failed", "zhao is the first for what this attempt showed"
    decide(run, ("override", "fence", "wang"))
    assert run.state.ended == "succeeded"


def test_a_fence_of_unknown_end_can_be_overridden_by_two():
    run = stopped(*FENCE, fence=unknown("timeout"))
    decide(run, ("override", "fence", "wang"), ("override", "fence", "zhao"))
    assert run.state.ended == "succeeded"


def test_override_is_only_for_safeguards():
    run = decide(stopped(step("a"), a=failed("no")), ("override", "a"))
    assert "override is for fences and approvals" in last(run)["refused"]


def test_a_fence_by_hand_is_only_good_when_its_check_says_so():
    hand = step("fence", role="fence", manual={"instructions": "Pull the plug"}, verify=LOOK)
    run = Told(plan(runbook(hand, step("promote"))))
    run.tell("fence:verify", failed("still open"), ok())
    run.drive()
    decide(run, ("mark-done", "fence"), why="")
    assert run.status("fence") == "failed"
    assert run.actions("promote") == []
    decide(run, ("retry", "fence"))
    assert run.status("fence") == "waiting"
    decide(run, ("mark-done", "fence"), why="")
    assert run.state.ended == "succeeded"


def test_a_fence_by_hand_without_a_check_takes_two_people():
    hand = step("fence", role="fence", manual={"instructions": "Pull the plug"})
    run = Told(plan(runbook(hand, step("promote"))))
    run.drive()
    decide(run, ("mark-done", "fence"))
    assert "takes override" in last(run)["refused"]
    decide(run, ("override", "fence", "wang"), ("override", "fence", "zhao"))
    assert run.state.ended == "succeeded"


def test_a_fence_can_be_talked_through_in_a_tabletop():
    run = Told(plan(runbook(*FENCE), Mode.TABLETOP))
    run.drive()
    decide(run, ("mark-done", "fence"), why="")
    decide(run, ("mark-done", "promote"), why="")
    assert run.state.ended == "succeeded"


# -- freeing a stuck step --------------------------------------------------------------------------------------------


def test_retry_begins_anew():
    run = Told(plan(runbook(step("a"), step("b"))))
    run.tell("a", failed("no"), ok())
    run.drive()
    decide(run, ("retry", "a"), why="")
    assert run.state.ended == "succeeded"
    assert run.actions("a") == ["a.action.1", "a.action.2"]


def test_skip_and_mark_done_need_a_reason():
    run = stopped(step("a"), step("b"), a=failed("no"))
    for verb in ("skip", "mark-done"):
        assert last(decide(run, (verb, "a"), why=""))["refused"] == f"{verb} needs a reason"


def test_mark_done_says_who_settled_the_step():
    run = decide(stopped(step("a", marks="service_restored"), a=failed("no")), ("mark-done", "a"))
    assert run.state.ended == "succeeded"
    assert run.state.steps["a"].settled_by == "wang"
    assert run.state.milestones


def test_what_a_person_does_by_hand_needs_no_reason_and_is_verified():
    run = Told(plan(runbook(step("a", manual={"instructions": "Do it"}, verify=LOOK), step("b"))))
    run.drive()
    decide(run, ("mark-done", "a"), why="")
    assert run.state.ended == "succeeded"
    assert run.world.done == ["a.verify.1", "b.action.1"]


def test_forcing_an_unmet_expectation_is_a_breach_that_says_what_was_seen():
    run = stopped(step("lag", expect={"lag_s": {"max": 30}}), step("promote"), lag=ok(lag_s=400))
    decide(run, ("mark-done", "lag"))
    assert run.state.ended == "succeeded"
    (body,) = run.bodies(EventKind.BREACH)
    assert body["kind"] == "expectation"
    assert "lag_s: wanted at most 30, got 400" in body["detail"]
    assert body["by"] == "wang"


@pytest.mark.parametrize("verbs", [["skip"], ["retry", "skip"]])
def test_there_is_no_way_round_the_breach(verbs):
    run = stopped(step("lag", expect={"lag_s": {"max": 30}}), step("promote"), lag=ok(lag_s=400))
    decide(run, *[(verb, "lag") for verb in verbs])
    assert run.state.ended == "succeeded"
    assert breaches(run) == ["expectation"]


def test_forcing_past_a_failed_verification_is_a_breach():
    run = stopped(step("a", verify=LOOK), step("b"), **{"a:verify": failed("not there")})
    decide(run, ("mark-done", "a"))
    assert "its verification failed: not there" in run.bodies(EventKind.BREACH)[0]["detail"]


def test_a_failed_step_without_expectations_is_skipped_without_a_breach():
    run = decide(stopped(step("a"), step("b"), a=failed("no")), ("skip", "a"))
    assert run.state.ended == "succeeded"
    assert breaches(run) == []


def test_a_breach_owed_when_the_driver_died_is_paid_by_the_next():
    run = stopped(step("lag", expect={"lag_s": {"max": 30}}), step("promote"), lag=ok(lag_s=400))
    run.world.decide("mark-done", "lag", why="because")
    run.journal.crash_after = len(run.journal.kept) + 2
    with pytest.raises(Crash):
        run.drive()
    assert run.kinds()[-1] == "decision"
    run.crash_and_resume()
    assert breaches(run) == ["expectation"]
    assert run.kinds().index("breach") < run.kinds().index("run.ended")


@pytest.mark.parametrize("name", ["b", "c"])
def test_a_step_that_has_not_begun_can_be_left_out_but_not_tried_again(name):
    run = stopped(step("a"), step("b"), step("c"), a=failed("no"))
    decide(run, ("retry", name))
    assert last(run)["refused"] == f"step {name} is pending; it can not retry"
    decide(run, ("skip", name))
    assert run.status(name) == "skipped"


def test_what_ends_after_a_person_has_settled_it_is_told_and_changes_nothing():
    lost = {"id": "a", "fabric": {"host": "x", "argv": ["y"]}, "timeout": "60s", "irreversible": "a test"}
    run = Told(plan(runbook(lost, step("b"))))
    run.tell("a", Answer(unknown("link cut"), 5.0))
    run.world.found["a.action.1"] = Answer(ok(), 30.0)
    run.tell("b", Answer(ok(), 59.0))
    run.world.at(10, lambda: run.world.decide("mark-done", "a", why="I looked"))
    run.drive(wait=True)
    assert run.state.ended == "succeeded"
    assert run.state.steps["a"].settled_by == "wang"
    assert "a.action.1 ended as ok after step a had been settled" in run.bodies(EventKind.WARNING)[0]["text"]


# -- the whole run ---------------------------------------------------------------------------------------------------


def test_abort_stops_what_runs_before_the_run_ends():
    run = Told(plan(runbook(step("a"), step("b"))))
    run.tell("a", Answer(ok(), 50.0))
    run.world.at(10, lambda: run.world.decide("abort", why="the wrong cluster"))
    run.drive()
    assert run.world.cancelled == ["a.action.1"]
    assert run.status("a") == "unknown"
    assert run.kinds()[-2:] == ["step.ended", "run.ended"]
    assert (run.state.ended, run.state.why) == ("aborted", "wang: the wrong cluster")


def test_abort_does_not_wait_for_ever_for_a_job_that_does_not_listen():
    run = Told(plan(runbook(step("a"))))
    run.tell("a", Answer(ok(), None, deaf=True))
    run.world.at(10, lambda: run.world.decide("abort", why="the wrong cluster"))
    run.drive()
    assert run.state.ended == "aborted"
    assert "after being told to stop" in run.state.steps["a"].error


def test_abort_while_people_are_awaited_ends_the_run():
    assert decide(asking(), ("abort", "")).state.ended == "aborted"


@pytest.mark.parametrize("verb", ["abort", "rollback"])
def test_giving_the_run_up_needs_a_reason(verb):
    assert last(decide(asking(), (verb, ""), why=""))["refused"] == f"{verb} needs a reason"


def test_rollback_after_an_abort_undoes_what_was_done():
    run = stopped(step("a", undo={"scripted": {}}), step("b"), b=failed("no"))
    decide(run, ("abort", ""))
    assert run.state.ended == "aborted"
    decide(run, ("rollback", ""))
    assert run.state.ended == "rolled_back"
    assert run.status("a") == "undone"


def test_nothing_more_is_decided_on_a_run_that_has_ended():
    run = decide(asking(), ("abort", ""))
    for verb in ("approve", "retry", "abort"):
        assert last(decide(run, (verb, "go")))["refused"] == "the run has ended (aborted)"


def test_a_recovery_that_has_succeeded_is_not_rolled_back_but_a_change_is():
    recovery, change = (
        Told(plan(runbook(step("a", undo={"scripted": {}}), purpose=purpose))) for purpose in ("recovery", "change")
    )
    recovery.drive()
    change.drive()
    assert "fail back with a runbook of its own" in last(decide(recovery, ("rollback", "")))["refused"]
    assert decide(change, ("rollback", "")).state.ended == "rolled_back"


@pytest.mark.parametrize("mode", [Mode.CHECK, Mode.TABLETOP])
def test_where_nothing_is_changed_nothing_is_rolled_back(mode):
    run = Told(plan(runbook(step("a", undo={"scripted": {}}), step("b")), mode))
    run.tell("b", failed("no"))
    run.drive()
    assert "nothing to roll back" in last(decide(run, ("rollback", "")))["refused"]


# -- several decisions at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("retry", "skip", ""),
        ("retry", "retry", "step a is ready; it can not retry"),
        ("skip", "retry", "step a is skipped; it can not retry"),
        ("mark-done", "skip", "step a is succeeded; it can not skip"),
        ("abort", "retry", "the run is being aborted"),
        ("abort", "abort", "the run is being aborted already"),
        ("abort", "rollback", ""),
        ("rollback", "retry", "the run is about to be rolled back"),
        ("rollback", "rollback", "the run is being rolled back already"),
        ("rollback", "abort", ""),
    ],
)
def test_a_decision_is_judged_by_where_the_one_before_it_has_left_the_run(first, second, refused):
    run = decide(stopped(step("a"), step("b"), a=failed("no")), (first, "a"), (second, "a"))
    assert [body["accepted"] for body in run.bodies(EventKind.DECISION)] == [True, not refused]
    assert last(run).get("refused", "") == refused


def test_a_refused_decision_is_journaled_once_with_the_reason():
    run = decide(asking(), ("approve", "go", "li"))
    run.drive()
    run.drive()
    assert [body["number"] for body in run.bodies(EventKind.DECISION)] == [1]


def test_decisions_given_while_nobody_drives_are_taken_up_in_order():
    run = stopped(step("a"), step("b"), a=failed("no"))
    run.world.decide("skip", "a", why="not needed")
    run.world.decide("abort", why="after all")
    run.drive()
    assert [body["verb"] for body in run.bodies(EventKind.DECISION)] == ["skip", "abort"]
    assert run.state.ended == "aborted"
    assert run.actions("b") == []


@pytest.mark.parametrize(
    ("verb", "name", "by", "refused"),
    [
        ("dance", "go", "wang", "there is no verb 'dance'; there are approve, reject,"),
        ("approve", "gone", "wang", "there is no step 'gone'"),
        ("approve", "go", "  ", "a decision needs the name of who takes it"),
    ],
)
def test_what_makes_no_sense_is_refused(verb, name, by, refused):
    assert last(decide(asking(), (verb, name, by)))["refused"].startswith(refused)
