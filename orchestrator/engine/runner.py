"""The runner: the only loop with effects. It journals, acts, journals; it never decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from orchestrator.engine import conductor
from orchestrator.engine.decisions import judge
from orchestrator.engine.jobs import JobMaker
from orchestrator.engine.moves import (
    Ask,
    Attach,
    BeginRollback,
    Breach,
    Cancel,
    EndRollback,
    EndRun,
    Move,
    OverBudget,
    Settle,
    Skip,
    Start,
)
from orchestrator.engine.phases import Now
from orchestrator.engine.ports import Clock, Finished, Hands, Inbox, Interrupted, Journal, Mailbox, Observer
from orchestrator.engine.state import RunState
from orchestrator.errors import HoldfastError
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.job import Job, Phase
from orchestrator.model.matcher import Matcher, unmet
from orchestrator.model.outcome import Ending, Outcome, failed
from orchestrator.model.transition import StepStatus

JUMP = 2.0
"""Seconds the wall clock may drift from the monotonic clock between two events before it counts as a jump."""


class Halt(StrEnum):
    """Why the loop came to an end."""

    ENDED = "ended"
    """The run is over."""
    STOPPED = "stopped"
    """Nothing can go on without a decision on a failed, unknown or doubtful step."""
    WAITING = "waiting"
    """Only people are awaited, and this driver was told not to wait for them."""
    INTERRUPTED = "interrupted"
    """Somebody stopped this driver; jobs run on."""


@dataclass(frozen=True, slots=True)
class Driven:
    """How driving ended. ``running`` are the idents of jobs that were left running."""

    halt: Halt
    state: RunState
    running: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Ports:
    """Everything the runner acts through."""

    journal: Journal
    hands: Hands
    mailbox: Mailbox
    inbox: Inbox
    clock: Clock
    jobs: JobMaker
    observers: Sequence[Observer] = field(default_factory=tuple)


class Runner:
    """Drives one run from where its journal stands until it is over, stuck, waiting or interrupted."""

    def __init__(
        self,
        state: RunState,
        ports: Ports,
        *,
        epoch: str,
        parallel: int = 16,
        wait_for_people: bool = True,
        poll: float = 0.5,
    ) -> None:
        self.state = state
        self.ports = ports
        self.epoch = epoch
        self.parallel = parallel
        self.wait_for_people = wait_for_people
        self.poll = poll
        self.held: dict[str, Job] = {}
        self.cancelled: set[str] = set()
        self._last: tuple[float, Any] | None = None

    def drive(self) -> Driven:
        """Until there is nothing left to do here. Raises StoreError where the journal cannot be kept."""
        while True:
            self._take_decisions()
            moves = conductor.next_moves(self.state, self._now())
            for one in moves:
                self._make(one)
            if self.state.ended:
                return Driven(Halt.ENDED, self.state)
            if moves:
                continue
            if not self.held and (halt := self._nothing_left()) is not None:
                self._append(EventKind.DRIVER_RELEASED, {"why": str(halt), "running": []})
                return Driven(halt, self.state)
            notice = self.ports.mailbox.get(conductor.wake_in(self.state, self._now(), self.poll))
            # What has been reported meanwhile is taken in before anything new is begun.
            while notice is not None:
                if isinstance(notice, Interrupted):
                    return self._interrupted(notice)
                self._finished(notice)
                notice = self.ports.mailbox.get(0.0)

    # -- looking ---------------------------------------------------------------------------------------------------

    def _now(self) -> Now:
        clock = self.ports.clock
        return Now(clock.wall(), clock.mono(), self.epoch, self.held.keys(), self.cancelled, self.parallel)

    def _nothing_left(self) -> Halt | None:
        """Why the loop should end though the run has not, when no job is in hand; None while there is hope."""
        now = self._now()
        if (
            any(conductor.may_retry(self.state, name) for name in self.state.stuck)
            and self.state.rollback is None
        ):
            return None
        manual_undo = any(self.state.steps[name].status is StepStatus.UNDOING for name in self.state.busy)
        if self.state.waiting or manual_undo:
            return None if self.wait_for_people else Halt.WAITING
        return Halt.STOPPED if not conductor.next_moves(self.state, now) else None

    # -- writing ---------------------------------------------------------------------------------------------------

    def _append(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        self._mind_the_clock()
        return self._commit(kind, body)

    def _commit(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        event = self.ports.journal.append(kind, body)
        self.state.apply(event)
        for observer in self.ports.observers:
            observer.saw(event, self.state)
        return event

    def _mind_the_clock(self) -> None:
        wall, mono = self.ports.clock.wall(), self.ports.clock.mono()
        if self._last is not None:
            mono_before, wall_before = self._last
            moved = (wall - wall_before - timedelta(seconds=mono - mono_before)).total_seconds()
            if abs(moved) > JUMP:
                self._commit(EventKind.CLOCK_JUMPED, {"by": round(moved, 3)})
        self._last = (mono, wall)

    # -- acting ----------------------------------------------------------------------------------------------------

    def _make(self, one: Move) -> None:
        match one:
            case Start():
                self._start(one)
            case Attach():
                job = self.ports.jobs.make(self.state, one)
                self.held[one.ident] = job
                self.ports.hands.attach(job)
            case Cancel(ident):
                self.cancelled.add(ident)
                self.ports.hands.cancel(ident)
            case Settle():
                self._settle(one)
            case Ask():
                self._ask(one)
            case Skip(step, why):
                self._append(EventKind.STEP_SKIPPED, {"step": step, "why": why})
            case OverBudget(step, budget, seconds):
                self._append(
                    EventKind.STEP_OVER_BUDGET, {"step": step, "budget": budget, "elapsed": round(seconds, 3)}
                )
            case Breach(kind, detail):
                self._append(EventKind.BREACH, {"kind": kind, "detail": detail})
            case BeginRollback(by, why, order, irreversible):
                body = {"by": by, "why": why, "order": list(order), "irreversible": dict(irreversible)}
                self._append(EventKind.ROLLBACK_STARTED, body)
            case EndRollback(ok, why, manual):
                self._append(EventKind.ROLLBACK_ENDED, {"ok": ok, "why": why, "manual": list(manual)})
            case EndRun(status, why):
                self._append(EventKind.RUN_ENDED, {"status": status, "why": why})

    def _start(self, one: Start) -> None:
        body = {"step": one.step, "phase": str(one.phase), "attempt": one.attempt, "ident": one.ident}
        if one.phase in (Phase.VERIFY, Phase.UNDO_VERIFY):
            body["check"] = str(one.check)
        try:
            job = self.ports.jobs.make(self.state, one)
        except HoldfastError as error:
            # Nothing was done: what was written in the runbook cannot be made into a job.
            self._append(EventKind.STEP_STARTED, {**body, "job": {}})
            self._end(one.step, one.phase, one.attempt, failed(error.message, mend=error.mend), None)
            return
        self._append(
            EventKind.STEP_STARTED, {**body, "job": self.ports.jobs.shown(job), "timeout": job.timeout}
        )
        self.held[one.ident] = job
        self.ports.hands.begin(job)

    def _ask(self, one: Ask) -> None:
        planned = self.state.plan.by_id[one.step]
        spec = self.ports.jobs.rendered(self.state, planned, undo=one.undo)
        kind = planned.undo.kind if one.undo and planned.undo else planned.kind
        self._append(EventKind.STEP_WAITING, {"step": one.step, "kind": kind, "undo": one.undo, **spec})

    def _settle(self, one: Settle) -> None:
        if one.ident:
            self.held.pop(one.ident, None)
            self.ports.hands.cancel(one.ident)
        self._end(one.step, one.phase, one.attempt, one.outcome, None)

    # -- hearing ---------------------------------------------------------------------------------------------------

    def _finished(self, notice: Finished) -> None:
        job = self.held.pop(notice.ident, None)
        self.cancelled.discard(notice.ident)
        if job is None:
            return  # given up already; the journal says so
        outcome = notice.outcome
        if outcome.ending is Ending.NOT_STARTED:
            self._begin_again(job)
        elif outcome.ending is Ending.GONE:
            self._gone(job, outcome)
        elif outcome.ending is not Ending.LEFT:
            self._end(
                job.step, job.phase, job.attempt, outcome, notice.elapsed, attached=notice.attached, job=job
            )

    def _begin_again(self, job: Job) -> None:
        """It certainly never began, so the same ident is begun now: whoever comes second finds it taken."""
        if self.state.abort is not None or (
            self.state.rollback_asked is not None and self.state.rollback is None
        ):
            self._end(
                job.step, job.phase, job.attempt, failed("it never began, and the run was stopped"), None
            )
            return
        body = {
            "step": job.step,
            "phase": str(job.phase),
            "attempt": job.attempt,
            "ident": job.ident,
            "again": True,
        }
        self._append(
            EventKind.STEP_STARTED, {**body, "job": self.ports.jobs.shown(job), "timeout": job.timeout}
        )
        self.held[job.ident] = job
        self.ports.hands.begin(job)

    def _gone(self, job: Job, outcome: Outcome) -> None:
        why = outcome.error or "it was begun, no longer runs, and left no result"
        if job.phase is Phase.ACTION:
            body = {"step": job.step, "phase": str(job.phase), "attempt": job.attempt, "why": why}
            self._append(EventKind.STEP_DOUBTED, body)
        else:
            lost = Outcome(Ending.UNKNOWN, error=why, mend=outcome.mend)
            self._end(job.step, job.phase, job.attempt, lost, None)

    def _end(
        self,
        step: str,
        phase: Phase,
        attempt: int,
        outcome: Outcome,
        seconds: float | None,
        *,
        attached: bool = False,
        job: Job | None = None,
    ) -> None:
        missed = _unmet(job, outcome) if job is not None and phase is Phase.ACTION else []
        if missed and outcome.ok:
            outcome = Outcome(
                Ending.FAILED,
                output=outcome.output,
                error="expected otherwise: " + "; ".join(missed),
                changed=outcome.changed,
                simulated=outcome.simulated,
                ref=outcome.ref,
            )
        body: dict[str, Any] = {
            "step": step,
            "phase": str(phase),
            "attempt": attempt,
            "outcome": outcome.to_body(),
            "elapsed": None if seconds is None else round(seconds, 6),
        }
        if attached:
            body["attached"] = True
        if missed:
            body["unmet"] = missed
        self._append(EventKind.STEP_ENDED, body)
        if job is not None:
            # Not before: until its end is in the journal, what was kept of the job is the only proof of it.
            self.ports.hands.forget(job.ident)

    def _take_decisions(self) -> None:
        for decision in self.ports.inbox.after(self.state.decisions_seen):
            verdict = judge(self.state, decision)
            body: dict[str, Any] = {
                "number": decision.number,
                "verb": decision.verb,
                "by": decision.by,
                "account": decision.account,
                "why": decision.why,
                "given_at": to_iso(decision.given_at),
                "accepted": verdict.accepted,
                "needed": verdict.needed,
            }
            if decision.step:
                body["step"] = decision.step
            if verdict.refused:
                body["refused"] = verdict.refused
            self._append(EventKind.DECISION, body)
            if verdict.breach:
                self._append(
                    EventKind.BREACH, {"kind": verdict.breach, "detail": verdict.detail, "by": decision.by}
                )

    def _interrupted(self, notice: Interrupted) -> Driven:
        running = tuple(self.ports.hands.detach())
        self._append(EventKind.DRIVER_RELEASED, {"why": notice.why, "running": list(running)})
        return Driven(Halt.INTERRUPTED, self.state, running, notice.why)


def _unmet(job: Job, outcome: Outcome) -> list[str]:
    """The expectations the output does not meet; none where there is no output to judge."""
    if outcome.ending not in (Ending.OK, Ending.FAILED) or (not outcome.ok and not outcome.output):
        return []
    return unmet(_matchers(job), outcome.output)


def _matchers(job: Job) -> dict[str, Matcher]:
    return {path: Matcher.model_validate(matcher) for path, matcher in job.expect.items()}
