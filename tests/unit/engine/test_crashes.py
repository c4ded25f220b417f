"""The driver dies before and after every event; whoever takes the run up comes to the same end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from engine_kit import Answer, Crash, Told, failed, gone, ok, plan, runbook, step, unknown

from orchestrator.engine.runner import Halt
from orchestrator.model.event import EventKind

LOOK = {"probe": {"tcp": "x:1"}}
UNDO = {"scripted": {}, "verify": LOOK}


def once_waiting(
    run: Told, name: str, *decisions: Callable[[], None], beside: Callable[[], bool] = lambda: True
) -> None:
    """People decide, one after the other, some time after the step began to wait (and something else is so)."""

    def look() -> None:
        if name in run.state.waiting and beside():
            for number, decide in enumerate(decisions):
                run.world.at(10.0 + number, decide)
        else:
            run.world.at(1.0, look)

    run.world.at(1.0, look)


def success() -> Told:
    run = Told(
        plan(
            runbook(
                step("lag", probe={"tcp": "x:1"}, changes=False),
                step("fence", role="fence", verify=[LOOK, LOOK]),
                step("promote", verify=LOOK, undo=UNDO),
                step("marker", idempotent=True),
                steady_state=[LOOK],
            )
        )
    )
    run.tell("promote", Answer(ok(), 30.0))
    return run


def parallel() -> Told:
    run = Told(
        plan(
            runbook(
                step("a", needs=[]),
                step("b", needs=[], verify=LOOK),
                step("c", needs=["a", "b"]),
                step("d", needs=["a"]),
                step("e", needs=["c", "d"]),
            )
        )
    )
    run.tell("a", Answer(ok(), 20.0))
    run.tell("b", Answer(ok(), 10.0))
    return run


def failing() -> Told:
    run = Told(plan(runbook(step("a"), step("b", verify=LOOK, idempotent=True), step("c"))))
    run.tell("b:verify", failed("not there"))
    return run


def unknown_end() -> Told:
    run = Told(plan(runbook(step("a"), step("b"), step("c"))))
    run.tell("b", unknown("timeout"))
    return run


def retried() -> Told:
    run = Told(plan(runbook(step("a"), step("b", idempotent=True, retries={"count": 2, "delay": "3s"}), step("c"))))
    run.tell("b", failed("one"), failed("two"), ok())
    return run


def probed() -> Told:
    run = Told(plan(runbook(step("a", on_doubt="probe", verify=[LOOK, LOOK]), step("b"))))
    run.tell("a", unknown("lost"))
    return run


def reached_back() -> Told:
    run = Told(plan(runbook(step("a", fabric={"host": "x", "argv": ["y"]}), step("b"))))
    run.tell("a", Answer(unknown("link cut"), 10.0, later=ok()))
    return run


def reached_back_in_vain() -> Told:
    run = Told(plan(runbook(step("a", fabric={"host": "x", "argv": ["y"]}, on_doubt="probe", verify=LOOK), step("b"))))
    run.tell("a", Answer(unknown("link cut"), 10.0, later=gone()))
    return run


def rolled_back() -> Told:
    run = Told(
        plan(
            runbook(
                step("a", undo=UNDO),
                step("b", undo={"scripted": {}}),
                step("c"),
                step("d", undo=UNDO),
                on_failure="rollback",
                steady_state=[LOOK],
            )
        )
    )
    run.tell("d", Answer(failed("no"), 10.0))
    run.tell("b:undo", Answer(ok(), 20.0))
    return run


def undo_fails() -> Told:
    run = Told(plan(runbook(step("a", undo=UNDO), step("b", undo=UNDO), step("c"), on_failure="rollback")))
    run.tell("c", failed("no"))
    run.tell("a:undo_verify", failed("still there"))
    return run


def steady_state_lost() -> Told:
    run = Told(plan(runbook(step("a", undo=UNDO), step("b"), on_failure="rollback", steady_state=[LOOK])))
    run.tell("b", failed("no"))
    run.tell("steady-rollback-1", failed("no answer"))
    return run


def approved() -> Told:
    run = Told(plan(runbook(step("a"), step("go", approve={"question": "Go?", "count": 2}, changes=False), step("b"))))
    once_waiting(
        run,
        "go",
        lambda: run.world.decide("approve", "go", by="wang"),
        lambda: run.world.decide("approve", "go", by="li"),
        lambda: run.world.decide("approve", "go", by="zhao"),
    )
    return run


def by_hand() -> Told:
    run = Told(plan(runbook(step("a"), step("pull", manual={"instructions": "Pull it"}, verify=LOOK), step("b"))))
    once_waiting(run, "pull", lambda: run.world.decide("mark-done", "pull"))
    return run


def expired() -> Told:
    return Told(plan(runbook(step("go", approve={"question": "Go?", "deadline": "1h"}, changes=False), step("b"))))


def overridden() -> Told:
    hold = step("hold", needs=[], manual={"instructions": "Stay here"})
    run = Told(plan(runbook(step("fence", role="fence"), step("b"), hold)))
    run.tell("fence", failed("no power switch"))
    once_waiting(
        run,
        "hold",
        lambda: run.world.decide("override", "fence", by="wang", why="the rack is burnt"),
        lambda: run.world.decide("override", "fence", by="zhao", why="I saw it"),
        lambda: run.world.decide("mark-done", "hold"),
        beside=lambda: "fence" in run.state.stuck,
    )
    return run


def aborted() -> Told:
    run = Told(plan(runbook(step("a"), step("b"), step("hold", needs=[], manual={"instructions": "Stay here"}))))
    run.tell("b", Answer(ok(), None))
    abort = lambda: run.world.decide("abort", why="the wrong cluster")  # noqa: E731
    once_waiting(run, "hold", abort, beside=lambda: "b" in run.state.busy)
    return run


def rolled_back_on_request() -> Told:
    run = Told(
        plan(
            runbook(
                step("a", undo=UNDO),
                step("b", undo=UNDO),
                step("go", approve={"question": "Go?"}, changes=False),
            )
        )
    )
    once_waiting(run, "go", lambda: run.world.decide("rollback", why="the window closes"))
    return run


def nested() -> Told:
    inner = runbook(step("x", verify=LOOK), step("y", undo=UNDO), step("z", needs=["x"]))
    book = runbook(
        step("a"),
        step("in", runbook={"file": "inner.yaml"}),
        step("b", when={"mode": ["drill"]}),
        step("c", undo=UNDO),
    )
    return Told(plan(book, nested={"inner.yaml": inner}))


SCENARIOS = (
    success,
    parallel,
    failing,
    unknown_end,
    retried,
    probed,
    reached_back,
    reached_back_in_vain,
    rolled_back,
    undo_fails,
    steady_state_lost,
    approved,
    by_hand,
    expired,
    overridden,
    aborted,
    rolled_back_on_request,
    nested,
)


def to_the_end(run: Told, after: float) -> Told:
    try:
        driven = run.drive(wait=True)
    except Crash:
        driven = run.crash_and_resume(wait=True, after=after)
    assert driven.halt in (Halt.ENDED, Halt.STOPPED)
    return run


def end_of(run: Told) -> tuple[str, dict[str, str], list[str], list[str]]:
    breaches = [body["kind"] for body in run.bodies(EventKind.BREACH)]
    ended = [f"{body['ok']} {len(body['manual'])}" for body in run.bodies(EventKind.ROLLBACK_ENDED)]
    return run.state.ended, {name: run.status(name) for name in run.state.steps}, breaches, ended


def effects(run: Told) -> Counter[tuple[str, str]]:
    """How often each thing that must not be repeated was done: actions that are not idempotent, and undoings."""
    jobs = [run.world.jobs[ident] for ident in run.world.done]
    return Counter(
        (job.step, str(job.phase)) for job in jobs if job.changes and not run.plan.by_id[job.step].repeatable
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_a_crash_at_any_event_changes_neither_the_end_nor_the_effects(scenario: Callable[[], Told]) -> None:
    plain = to_the_end(scenario(), 1.0)
    for seq in range(2, len(plain.journal.kept) + 1):
        for number, where in enumerate(("crash_before", "crash_after")):
            run = scenario()
            setattr(run.journal, where, seq)
            # Taken up at once, or when everything that had been begun has long ended.
            to_the_end(run, 7200.0 if (seq + number) % 2 else 1.0)
            assert end_of(run) == end_of(plain), f"{where} {seq}"
            assert effects(run) == effects(plain), f"{where} {seq}"


@pytest.mark.parametrize("scenario", [success, parallel, rolled_back, nested], ids=lambda one: one.__name__)
def test_a_crash_at_every_event_of_every_driver_still_comes_to_the_same_end(scenario: Callable[[], Told]) -> None:
    plain = to_the_end(scenario(), 1.0)
    run = scenario()
    for _ in range(200):
        # Each driver lives for one event beyond its claim.
        run.journal.crash_after = len(run.journal.kept) + 3
        try:
            run.drive(wait=True)
            break
        except Crash:
            run.world.clock.pass_time(1.0)
    assert end_of(run) == end_of(plain)
    assert effects(run) == effects(plain)


def test_each_scenario_is_what_its_name_says() -> None:
    ends = {one.__name__: end_of(to_the_end(one(), 1.0)) for one in SCENARIOS}
    assert {name: end[0] for name, end in ends.items()} == {
        "success": "succeeded",
        "parallel": "succeeded",
        "failing": "",
        "unknown_end": "",
        "retried": "succeeded",
        "probed": "succeeded",
        "reached_back": "succeeded",
        "reached_back_in_vain": "succeeded",
        "rolled_back": "rolled_back",
        "undo_fails": "",
        "steady_state_lost": "",
        "approved": "succeeded",
        "by_hand": "succeeded",
        "expired": "",
        "overridden": "succeeded",
        "aborted": "aborted",
        "rolled_back_on_request": "rolled_back",
        "nested": "succeeded",
    }
    assert ends["overridden"][2] == ["fence"]
    assert ends["undo_fails"][1]["a"] == "undo_failed"
    assert ends["expired"][1]["go"] == "failed"
