"""The runner: the only loop with effects. It journals, acts, journals; it never decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine import conductor, rollback
from orchestrator.engine.bodies import ended_body, started_body
from orchestrator.engine.clockwatch import ClockWatch
from orchestrator.engine.decisions import body_of, judge
from orchestrator.engine.driven import Driven, Halt, Ports
from orchestrator.engine.expectations import judged
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
from orchestrator.engine.phases import GRACE, Held, Now, start
from orchestrator.engine.ports import Finished, Interrupted
from orchestrator.engine.second_looks import Look, next_look
from orchestrator.engine.state import RunState
from orchestrator.errors import HoldfastError
from orchestrator.model.event import Event, EventKind
from orchestrator.model.job import Job, Phase
from orchestrator.model.outcome import Ending, Outcome, failed
from orchestrator.model.transition import StepStatus

__all__ = ["Driven", "Halt", "Ports", "Runner"]


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
        self._held: dict[str, Held] = {}
        self._cancelled: set[str] = set()
        self._given_up: set[str] = set()
        self._clocks = ClockWatch(ports.clock)

    def drive(self) -> Driven:
        """Until there is nothing left to do here.

        Raises StoreError where the journal cannot be kept (DriverConflict where somebody else drives now), and
        UsageError where a job that runs cannot be looked for; jobs that run are let go first.
        """
        try:
            return self._loop()
        except HoldfastError:
            self.ports.hands.detach()
            raise

    def _loop(self) -> Driven:
        while True:
            # What has been reported meanwhile is taken in before anything is given up or begun.
            if (stopped := self._hear(0.0)) is not None:
                return stopped
            self._take_decisions()
            self._mind_the_clock()
            moves = conductor.next_moves(self.state, self._now())
            for one in moves:
                self._make(one)
            if moves:
                continue
            if self.state.ended:
                return Driven(Halt.ENDED, self.state)
            if (halt := self._nothing_left()) is not None:
                # Waits that lead nowhere any more are let go; a resume begins them again.
                self.ports.hands.detach()
                self._append(EventKind.DRIVER_RELEASED, {"why": str(halt), "running": []})
                return Driven(halt, self.state)
            if (stopped := self._hear(conductor.wake_in(self.state, self._now(), self.poll))) is not None:
                return stopped

    # -- looking ---------------------------------------------------------------------------------------------------

    def _now(self) -> Now:
        clock = self.ports.clock
        return Now(clock.wall(), clock.mono(), self.epoch, self._held, self._cancelled, self.parallel, self._given_up)

    def _nothing_left(self) -> Halt | None:
        """Why the loop should end though the run has not; None while a job or the time may still bring it on."""
        now = self._now()
        if self._held and not conductor.waits_in_vain(self.state, now):
            return None
        match conductor.awaited(self.state, now):
            case "time":
                return None
            case "people":
                return None if self.wait_for_people else Halt.WAITING
            case _:
                return Halt.STOPPED

    def _awaits(self, job: Job) -> bool:
        """Whether the run still wants to know how the job ends; a person may have settled the step meanwhile."""
        step = self.state.steps[job.step]
        if step.ident is not None:
            return step.ident == job.ident
        looked_for = step.status is StepStatus.UNKNOWN and step.action_ident == job.ident
        return looked_for and not step.reached_back

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
        moved = self._clocks.jumped()
        if moved is not None:
            self._commit(EventKind.CLOCK_JUMPED, {"by": moved})

    # -- acting ----------------------------------------------------------------------------------------------------

    def _make(self, one: Move) -> None:
        match one:
            case Start():
                self._start(one)
            case Attach():
                self._attach(one)
            case Cancel(ident):
                self._cancelled.add(ident)
                self._held[ident] = Held(self._held[ident].job, self.ports.clock.mono() + GRACE)
                self.ports.hands.cancel(ident)
            case Settle():
                self._settle(one)
            case Ask():
                self._ask(one)
            case Skip(step, why):
                self._append(EventKind.STEP_SKIPPED, {"step": step, "why": why})
            case OverBudget(step, budget, seconds):
                body = {"step": step, "budget": budget, "elapsed": round(seconds, 3)}
                self._append(EventKind.STEP_OVER_BUDGET, body)
            case Breach():
                self._breach(one)
            case BeginRollback(by, why, order, irreversible):
                body = {"by": by, "why": why, "order": list(order), "irreversible": dict(irreversible)}
                self._append(EventKind.ROLLBACK_STARTED, body)
            case EndRollback(ok, why, left, manual):
                told = [*(self._by_hand(step) for step in left), *manual]
                self._append(EventKind.ROLLBACK_ENDED, {"ok": ok, "why": why, "manual": told})
            case EndRun(status, why):
                self._append(EventKind.RUN_ENDED, {"status": status, "why": why})

    def _start(self, one: Start) -> None:
        try:
            job = self.ports.jobs.make(self.state, one)
        except HoldfastError as error:
            self._cannot_begin(one, error)
            return
        self._begin(job, one.check)

    def _begin(self, job: Job, check: int, *, again: bool = False) -> None:
        body = {**started_body(job.step, job.phase, job.attempt, job.ident, check), "timeout": job.timeout}
        if again:
            body["again"] = True
        self._append(EventKind.STEP_STARTED, {**body, "job": self.ports.jobs.shown(job)})
        self._hold(job)
        self.ports.hands.begin(job)

    def _hold(self, job: Job) -> None:
        self._held[job.ident] = Held(job, self.ports.clock.mono() + job.timeout + GRACE)

    def _cannot_begin(self, one: Start, error: HoldfastError) -> None:
        """What stands in the runbook cannot be made into a job: nothing is done, and the step says why."""
        body = started_body(one.step, one.phase, one.attempt, one.ident, one.check)
        self._append(EventKind.STEP_STARTED, {**body, "job": {}})
        self._end(one.step, one.phase, one.attempt, failed(error.message, mend=error.mend), began=False)

    def _attach(self, one: Attach) -> None:
        begun = self.state.steps[one.step].job
        if begun is not None and begun.body.get("job") == {}:
            told = "what stands in the runbook could not be made into a job"
            self._end(one.step, one.phase, one.attempt, failed(told), began=False)
            return
        job = self.ports.jobs.make(self.state, one)
        self._hold(job)
        self.ports.hands.attach(job)

    def _ask(self, one: Ask) -> None:
        planned = self.state.plan.by_id[one.step]
        try:
            spec = self.ports.jobs.rendered(self.state, planned, undo=one.undo)
        except HoldfastError as error:
            phase = Phase.UNDO if one.undo else Phase.ACTION
            self._cannot_begin(start(planned, self.state.steps[one.step], phase), error)
            return
        kind = planned.undo.kind if one.undo and planned.undo else planned.kind
        self._append(EventKind.STEP_WAITING, {"step": one.step, "kind": kind, "undo": one.undo, **spec})

    def _by_hand(self, name: str) -> str:
        planned = self.state.plan.by_id[name]
        assert planned.undo is not None
        try:
            spec = self.ports.jobs.rendered(self.state, planned, undo=True)
        except HoldfastError:
            spec = planned.undo.spec  # better as it is written than not at all
        return rollback.by_hand(name, planned.undo.kind, spec)

    def _breach(self, one: Breach) -> None:
        body: dict[str, Any] = {"kind": one.kind, "detail": one.detail}
        if one.by:
            body |= {"by": one.by, "decision": one.decision}
        self._append(EventKind.BREACH, body)

    def _settle(self, one: Settle) -> None:
        held = self._held.pop(one.ident, None)
        if held is None or self._awaits(held.job):
            self._end(one.step, one.phase, one.attempt, one.outcome)
        if held is not None:
            # Not before: whoever has lost the run to another driver must not stop that driver's job.
            self._cancelled.discard(one.ident)
            self._given_up.add(one.ident)
            self.ports.hands.cancel(one.ident)

    # -- hearing ---------------------------------------------------------------------------------------------------

    def _hear(self, timeout: float) -> Driven | None:
        """Take in all that has been reported, waiting at most ``timeout`` for the first notice."""
        notice = self.ports.mailbox.get(timeout)
        while notice is not None:
            if isinstance(notice, Interrupted):
                return self._interrupted(notice)
            self._finished(notice)
            notice = self.ports.mailbox.get(0.0)
        return None

    def _finished(self, notice: Finished) -> None:
        held = self._held.pop(notice.ident, None)
        self._cancelled.discard(notice.ident)
        self._given_up.discard(notice.ident)
        outcome = notice.outcome
        if held is None or outcome.ending is Ending.LEFT:
            return  # given up already, as the journal says, or let go
        job = held.job
        if not self._awaits(job):
            self._came_late(job, outcome)
        elif outcome.ending is Ending.NOT_STARTED:
            self._never_began(job)
        elif outcome.ending is Ending.GONE:
            self._gone(job, outcome)
        else:
            outcome, missed = judged(job, outcome)
            more = {"seconds": notice.elapsed, "attached": notice.attached, "missed": missed}
            self._end(job.step, job.phase, job.attempt, outcome, **more)
            self._forget(job)

    def _never_began(self, job: Job) -> None:
        """It certainly never began, so the same ident is begun now: whoever comes second finds it taken."""
        if self.state.winding_down and job.step not in self.state.counts:
            told = failed("it never began, and the run was stopped")
            self._end(job.step, job.phase, job.attempt, told, began=False)
            return
        self._begin(job, self.state.steps[job.step].check, again=True)

    def _gone(self, job: Job, outcome: Outcome) -> None:
        why = outcome.error or "it was begun, no longer runs, and left no result"
        if job.phase is Phase.ACTION:
            body = {"step": job.step, "phase": str(job.phase), "attempt": job.attempt, "why": why}
            self._append(EventKind.STEP_DOUBTED, body)
        else:
            lost = Outcome(Ending.UNKNOWN, error=why, mend=outcome.mend)
            self._end(job.step, job.phase, job.attempt, lost)
        self._forget(job)

    def _came_late(self, job: Job, outcome: Outcome) -> None:
        told = f": {outcome.error}" if outcome.error else ""
        text = f"{job.ident} ended as {outcome.ending} after step {job.step} had been settled{told}"
        self._append(EventKind.WARNING, {"text": text, "step": job.step})
        self._forget(job)

    def _forget(self, job: Job) -> None:
        """Its end is in the journal, and until then what was kept of the job was the only proof of it."""
        step = self.state.steps[job.step]
        if not (step.action_ident == job.ident and next_look(self.state.plan.by_id[job.step], step) is Look.FIND):
            self.ports.hands.forget(job)

    def _end(self, step: str, phase: Phase, attempt: int, outcome: Outcome, **more: Any) -> None:
        self._append(EventKind.STEP_ENDED, ended_body(step, phase, attempt, outcome, **more))

    def _take_decisions(self) -> None:
        for decision in self.ports.inbox.after(self.state.decisions_seen):
            self._append(EventKind.DECISION, body_of(decision, judge(self.state, decision)))
            for one in conductor.owed(self.state):
                self._breach(one)

    def _interrupted(self, notice: Interrupted) -> Driven:
        running = tuple(self.ports.hands.detach())
        self._append(EventKind.DRIVER_RELEASED, {"why": notice.why, "running": list(running)})
        return Driven(Halt.INTERRUPTED, self.state, running, notice.why)
