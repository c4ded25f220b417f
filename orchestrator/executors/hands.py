"""The engine's Hands and Mailbox: each job in a thread, its outcome kept before it is told."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.engine.ports import Clock, Finished, Notice
from orchestrator.errors import HoldfastError
from orchestrator.executors import jobdir
from orchestrator.executors.contract import Executor, Keeper, Wish
from orchestrator.executors.control import JobControl
from orchestrator.executors.jobdir import KeepOutput, began
from orchestrator.executors.workers import Workers
from orchestrator.model.actions import REACHES_BACK
from orchestrator.model.document import Mode
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, unknown
from orchestrator.model.redaction import Redactor

LETTING_GO = 5.0
"""Seconds that ``detach`` gives the jobs to say whether they run on."""


class ThreadMailbox:
    """Where jobs (and signal handlers) report to the driver."""

    def __init__(self) -> None:
        self._notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()

    def put(self, notice: Notice) -> None:
        """Leave a notice. Never blocks, and may be called from a signal handler."""
        self._notices.put(notice)

    def get(self, timeout: float) -> Notice | None:
        """The next notice, waiting at most ``timeout`` seconds; None when there is none."""
        try:
            return self._notices.get(timeout=timeout) if timeout > 0 else self._notices.get_nowait()
        except queue.Empty:
            return None


class ThreadHands:
    """Does jobs in parallel.

    ``executors`` is by kind of action. ``outputs`` takes a job's ident and the file with its raw output, and
    answers the reference to the redacted copy it kept (None where there is nothing to keep). ``simulated`` says of a
    job whether the host it is done on is only a simulation.
    """

    def __init__(
        self,
        executors: Mapping[str, Executor],
        mailbox: ThreadMailbox,
        clock: Clock,
        redactor: Redactor,
        outputs: KeepOutput,
        simulated: Callable[[Job], bool] = lambda _job: False,
    ) -> None:
        self._executors = executors
        each: Mapping[str, object] = executors
        self._keepers = {kind: executor for kind, executor in each.items() if isinstance(executor, Keeper)}
        self._mailbox = mailbox
        self._clock = clock
        self._redactor = redactor
        self._outputs = outputs
        self._simulated = simulated
        self._workers = Workers()
        self._running: dict[str, JobControl] = {}
        self._left: set[str] = set()
        self._untold: dict[str, Job] = {}
        """Ended, and not in the journal yet as far as is known here."""
        self._moved = threading.Condition()

    def begin(self, job: Job) -> None:
        """Start the job; its notice comes later. Does not block."""
        self._start(job, attach=False)

    def attach(self, job: Job) -> None:
        """Find a job that an earlier driver began; its notice comes later."""
        self._start(job, attach=True)

    def cancel(self, ident: str) -> None:
        """Stop it; its notice comes later. A job that has ended already is left as it is."""
        with self._moved:
            control = self._running.get(ident)
        if control is not None:
            control.pull(Wish.CANCEL)

    def forget(self, job: Job) -> None:
        """Its end is in the journal: its directory goes, unless the end is unknown and may still be learnt."""
        with self._moved:
            self._untold.pop(job.ident, None)
        directory = Path(job.directory)
        known = jobdir.outcome(directory)
        if known is not None and jobdir.is_certain(known):
            self._kept(job)
            with suppress(OSError):  # what cannot be removed now is swept when the run has ended
                jobdir.shred(directory)

    def detach(self) -> Sequence[str]:
        """Let go of all jobs; answers those that run on, and those that did not answer in time."""
        with self._moved:
            for control in self._running.values():
                control.pull(Wish.DETACH)
            self._moved.wait_for(lambda: not self._running, timeout=LETTING_GO)
            untold, self._untold = list(self._untold.values()), {}
            running = sorted(self._left | set(self._running))
        for job in untold:  # nobody journals their ends now
            with suppress(OSError):
                if jobdir.settle(Path(job.directory)):
                    self._kept(job)
        return running

    def _start(self, job: Job, *, attach: bool) -> None:
        control = JobControl(job.timeout, self._clock)
        with self._moved:
            if job.ident in self._running:
                raise ValueError(f"job {job.ident} is running already")
            self._running[job.ident] = control
        began = self._clock.mono()

        def work() -> None:
            outcome = self._outcome(job, control, attach=attach)
            elapsed = None if attach else self._clock.mono() - began
            with self._moved:
                del self._running[job.ident]
                if outcome.ending is Ending.LEFT:
                    self._left.add(job.ident)
                elif jobdir.is_certain(outcome) and job.kind in self._keepers:
                    self._untold[job.ident] = job
                # Told under the lock: whoever sees the job gone from the running ones finds its notice.
                self._mailbox.put(Finished(job.ident, outcome, elapsed, attached=attach))
                self._moved.notify_all()

        self._workers.start(job.ident, work)

    def _outcome(self, job: Job, control: JobControl, *, attach: bool) -> Outcome:
        directory = Path(job.directory)
        try:
            # An outcome that was kept but not journaled (the driver died in between) is the truth; the work
            # is not done again.
            known = jobdir.outcome(directory)
            if known is not None and not (known.ending is Ending.UNKNOWN and job.kind in REACHES_BACK):
                return known
            outcome = self._do(job, control, attach=attach)
        except Exception as error:  # noqa: BLE001  whatever a library throws, the driver must get an answer
            outcome = self._unexpected(job, error)
        if self._simulated(job):
            outcome = replace(outcome, simulated=True)
        try:
            outcome = jobdir.tidy(directory, job.ident, outcome, self._outputs, self._redactor)
            if not jobdir.is_certain(outcome):  # else it is as soon as the journal has it
                self._kept(job)
            return outcome
        except Exception as error:  # noqa: BLE001  a full disk must not turn a known end into no answer
            told = f"{outcome.error}\nits outcome could not be kept: {error}".strip()
            return replace(outcome, error=self._redactor.text(told))

    def _kept(self, job: Job) -> None:
        if (keeper := self._keepers.get(job.kind)) is not None:
            keeper.kept(job)

    def _do(self, job: Job, control: JobControl, *, attach: bool) -> Outcome:
        executor = self._executors.get(job.kind)
        if executor is None:
            return failed(f"there is no executor for {job.kind!r}", mend=f"known: {', '.join(sorted(self._executors))}")
        if job.mode is Mode.TABLETOP:
            return Outcome(Ending.OK, simulated=True)
        if job.mode is Mode.CHECK:
            return executor.check(job, control)
        return executor.attach(job, control) if attach else executor.run(job, control)

    def _unexpected(self, job: Job, error: Exception) -> Outcome:
        mend = error.mend if isinstance(error, HoldfastError) else ""
        text = error.message if isinstance(error, HoldfastError) else "".join(traceback.format_exception(error))
        text = self._redactor.text(text)
        if job.changes and job.mode is not Mode.CHECK and began(Path(job.directory)):
            return unknown(text, mend=mend)
        return failed(text, mend=mend)
