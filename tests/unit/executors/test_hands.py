"""Hands without disk: executors that answer from memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

import pytest

from orchestrator.engine.ports import Finished
from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.control import JobControl
from orchestrator.executors.hands import ThreadHands, ThreadMailbox
from orchestrator.executors.scripted import ScriptedExecutor
from orchestrator.model.document import Mode
from orchestrator.model.job import Job, Phase, ident_of
from orchestrator.model.outcome import Ending, Outcome, ok, unknown
from orchestrator.model.redaction import Redactor


class SystemClock:
    def wall(self) -> datetime:
        return datetime.now(UTC)

    def mono(self) -> float:
        return monotonic()


class Scene:
    """An executor whose ``run`` is given by the test."""

    def __init__(self, run: Callable[[Job, Control], Outcome]) -> None:
        self._run = run

    def run(self, job: Job, control: Control) -> Outcome:
        return self._run(job, control)

    def attach(self, job: Job, control: Control) -> Outcome:
        return Outcome(Ending.NOT_STARTED)

    def check(self, job: Job, control: Control) -> Outcome:
        return ok(checked=True)


def job(number: int = 1, *, kind: str = "scene", mode: Mode = Mode.DRILL, changes: bool = True, **spec: object) -> Job:
    ident = ident_of(f"step-{number}", Phase.ACTION, 1)
    return Job(
        run_id="r1", step=f"step-{number}", phase=Phase.ACTION, attempt=1, ident=ident, kind=kind, spec=spec,
        timeout=30.0, mode=mode, directory=f"/nowhere/{ident}", changes=changes,
    )  # fmt: skip


def hands_for(run: Callable[[Job, Control], Outcome], secret: str = "") -> tuple[ThreadHands, ThreadMailbox]:
    mailbox = ThreadMailbox()
    redactor = Redactor([secret] if secret else [])
    executors = {"scene": Scene(run), "scripted": ScriptedExecutor()}
    return ThreadHands(executors, mailbox, SystemClock(), redactor, lambda ident, path: None), mailbox


def told(mailbox: ThreadMailbox) -> Finished:
    notice = mailbox.get(10.0)
    assert isinstance(notice, Finished)
    return notice


def test_a_job_is_told_with_its_outcome_and_how_long_it_took() -> None:
    hands, mailbox = hands_for(lambda job, control: ok(answer=42))
    hands.begin(job())
    notice = told(mailbox)
    assert notice.ident == "step-1.action.1"
    assert notice.outcome.output == {"answer": 42}
    assert notice.elapsed is not None and 0 <= notice.elapsed < 10
    assert not notice.attached


def test_an_empty_mailbox_says_so() -> None:
    assert ThreadMailbox().get(0) is None
    assert ThreadMailbox().get(0.001) is None


def test_begin_does_not_block_and_jobs_run_at_the_same_time() -> None:
    everybody = threading.Barrier(200)

    def run(job: Job, control: Control) -> Outcome:
        everybody.wait(timeout=20)
        return ok()

    hands, mailbox = hands_for(run)
    for number in range(200):
        hands.begin(job(number))
    assert {told(mailbox).ident for _ in range(200)} == {job(number).ident for number in range(200)}


def test_a_thousand_quick_jobs_use_few_threads() -> None:
    names: set[int | None] = set()

    def run(job: Job, control: Control) -> Outcome:
        names.add(threading.current_thread().ident)
        return ok()

    hands, mailbox = hands_for(run)
    for number in range(1000):
        hands.begin(job(number))
        told(mailbox)
    assert len(names) < 10


def test_the_thread_carries_the_name_of_its_job() -> None:
    hands, mailbox = hands_for(lambda job, control: ok(name=threading.current_thread().name))
    hands.begin(job())
    assert told(mailbox).outcome.output["name"] == "step-1.action.1"


def test_cancel_reaches_the_job_at_once() -> None:
    begun = threading.Event()

    def run(job: Job, control: Control) -> Outcome:
        begun.set()
        return ok(wish=str(control.wait(20)))

    hands, mailbox = hands_for(run)
    hands.begin(job())
    assert begun.wait(10)
    hands.cancel(job().ident)
    notice = told(mailbox)
    assert notice.outcome.output == {"wish": "cancel"}
    assert notice.elapsed is not None and notice.elapsed < 10


def test_cancelling_what_is_not_running_is_nothing() -> None:
    hands, mailbox = hands_for(lambda job, control: ok())
    hands.cancel("step-9.action.1")
    assert mailbox.get(0) is None


def test_detach_names_the_jobs_that_run_on_and_not_those_that_ended() -> None:
    begun = threading.Barrier(3)

    def run(job: Job, control: Control) -> Outcome:
        begun.wait(10)
        wish = control.wait(20)
        assert wish is Wish.DETACH
        return Outcome(Ending.LEFT) if job.step == "step-1" else ok()

    hands, _ = hands_for(run)
    hands.begin(job(1))
    hands.begin(job(2))
    begun.wait(10)
    assert hands.detach() == ["step-1.action.1"]


def test_a_job_that_was_let_go_is_not_cancelled_any_more() -> None:
    control = JobControl(10.0, SystemClock())
    control.pull(Wish.DETACH)
    control.pull(Wish.CANCEL)
    assert control.wish is Wish.DETACH
    assert control.wait(10.0) is Wish.DETACH


@pytest.mark.parametrize(("changes", "ending"), [(True, Ending.UNKNOWN), (False, Ending.FAILED)])
def test_an_unexpected_exception_is_unknown_where_something_may_have_changed(
    changes: bool, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.executors.hands.began", lambda directory: True)

    def run(job: Job, control: Control) -> Outcome:
        raise RuntimeError("the library broke on hunter2hunter2")

    hands, mailbox = hands_for(run, secret="hunter2hunter2")
    hands.begin(job(changes=changes))
    outcome = told(mailbox).outcome
    assert outcome.ending is ending
    assert "Traceback" in outcome.error and "the library broke on [redacted]" in outcome.error
    assert "hunter2" not in outcome.error


def test_an_exception_before_the_directory_was_made_is_a_failure() -> None:
    def run(job: Job, control: Control) -> Outcome:
        raise ExecutorError("no such host", mend="name one")

    hands, mailbox = hands_for(run)
    hands.begin(job())
    outcome = told(mailbox).outcome
    assert (outcome.ending, outcome.error, outcome.mend) == (Ending.FAILED, "no such host", "name one")


def test_an_unknown_kind_of_action_is_a_failure_that_names_the_known_ones() -> None:
    hands, mailbox = hands_for(lambda job, control: ok())
    hands.begin(job(kind="telepathy"))
    outcome = told(mailbox).outcome
    assert outcome.ending is Ending.FAILED
    assert "telepathy" in outcome.error and "scripted" in outcome.mend


def test_mode_check_only_checks() -> None:
    hands, mailbox = hands_for(lambda job, control: ok(ran=True))
    hands.begin(job(mode=Mode.CHECK))
    assert told(mailbox).outcome.output == {"checked": True}


def test_a_tabletop_has_no_effects() -> None:
    hands, mailbox = hands_for(lambda job, control: ok(ran=True))
    hands.begin(job(mode=Mode.TABLETOP))
    outcome = told(mailbox).outcome
    assert outcome.ok and outcome.simulated and not outcome.output


def test_an_attached_job_has_no_elapsed_time() -> None:
    hands, mailbox = hands_for(lambda job, control: ok())
    hands.attach(job())
    notice = told(mailbox)
    assert notice.attached and notice.elapsed is None and notice.outcome.ending is Ending.NOT_STARTED


def test_the_same_job_is_not_begun_twice_at_once() -> None:
    go = threading.Event()

    def run(job: Job, control: Control) -> Outcome:
        go.wait(10)
        return ok()

    hands, mailbox = hands_for(run)
    hands.begin(job())
    with pytest.raises(ValueError, match="running already"):
        hands.begin(job())
    go.set()
    told(mailbox)


def test_what_is_done_on_a_simulated_host_is_marked_so_however_it_ends() -> None:
    def broken(job: Job, control: Control) -> Outcome:
        raise ZeroDivisionError("inside a library")

    for run in (lambda job, control: ok(), lambda job, control: unknown("lost"), broken):
        mailbox = ThreadMailbox()
        hands = ThreadHands(
            {"scene": Scene(run)}, mailbox, SystemClock(), Redactor(), lambda ident, path: None,
            simulated=lambda job: job.spec.get("host") == "aix1",
        )  # fmt: skip
        hands.begin(job(1, host="aix1"))
        assert told(mailbox).outcome.simulated
        hands.begin(job(2, host="db1"))
        assert not told(mailbox).outcome.simulated
