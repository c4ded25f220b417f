"""Wait: until a check holds (the step's timeout is the limit), or for a fixed time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from orchestrator.engine.ports import Clock
from orchestrator.executors import jobdir
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.probe import Probes
from orchestrator.executors.words import as_texts
from orchestrator.model.actions import WaitAction
from orchestrator.model.event import from_iso, to_iso
from orchestrator.model.inventory import Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, unknown

BEGAN = "began"
"""The file that says since when a fixed time is waited for, so that a new driver waits only for the rest."""


class WaitExecutor:
    """Runs WaitActions."""

    def __init__(self, inventory: Inventory, clock: Clock, connections: Connections | None = None) -> None:
        self._probes = Probes(inventory, clock, connections)
        self._clock = clock

    def run(self, job: Job, control: Control) -> Outcome:
        """Wait. ``until`` looks with the check's own ``every``, as long as the job's time lasts."""
        action = WaitAction.model_validate(as_texts(job.spec))
        check = action.until
        if check is not None:
            within = control.remaining() if check.within is None else min(check.within, control.remaining())
            expect = {path: matcher.model_dump(exclude_unset=True) for path, matcher in check.expect.items()}
            return self._probes.until_holds(job, control, check.probe, expect, within=within, every=check.every)
        assert action.duration is not None
        try:
            jobdir.make(Path(job.directory))
            jobdir.write_durably(Path(job.directory) / BEGAN, to_iso(self._clock.wall()))
        except OSError as error:
            return failed(f"the job's directory could not be made: {error}", mend="look at the disk of this machine")
        return self._sleep(action.duration, action.duration, control)

    def attach(self, job: Job, control: Control) -> Outcome:
        """A fixed time goes on from its beginning, by the wall clock; looking is begun anew."""
        action = WaitAction.model_validate(as_texts(job.spec))
        began = Path(job.directory) / BEGAN
        if action.duration is None or not began.is_file():
            return Outcome(Ending.NOT_STARTED)
        since = self._clock.wall() - from_iso(began.read_text(encoding="ascii"))
        # A wall clock that was set back must not make the wait longer than it ever was.
        left = min(action.duration, max(0.0, (timedelta(seconds=action.duration) - since).total_seconds()))
        return self._sleep(left, action.duration, control)

    def check(self, job: Job, control: Control) -> Outcome:
        """Look once, where there is something to look at."""
        action = WaitAction.model_validate(as_texts(job.spec))
        if action.until is None:
            return Outcome(Ending.OK)
        return self._probes.once(job, control, action.until.probe)

    def _sleep(self, seconds: float, whole: float, control: Control) -> Outcome:
        ends = self._clock.mono() + seconds
        while (left := ends - self._clock.mono()) > 0:
            time_left = control.remaining()
            if time_left <= 0:
                return failed(f"the step's timeout is shorter than the {whole:g} s it waits")
            wish = control.wait(min(left, time_left))
            if wish is Wish.DETACH:
                return Outcome(Ending.LEFT)
            if wish is Wish.CANCEL:
                return unknown(f"the wait was stopped {left:.1f} s before its end")
        return Outcome(Ending.OK, output={"waited_s": whole})
