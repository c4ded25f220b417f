"""The scripted executor: does nothing and ends as told. For rehearsals and benchmarks."""

from __future__ import annotations

from orchestrator.executors.contract import Control, Wish
from orchestrator.model.actions import ScriptedAction
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, unknown


class ScriptedExecutor:
    """Ends as ``ScriptedAction.ends`` says: its entry for the attempt, the last one for all later attempts.

    It has no effect and touches no disk, so a scripted job that lost its process never began.
    """

    def run(self, job: Job, control: Control) -> Outcome:
        """Take the time, then end as told. Stopped before its time it is UNKNOWN, like real work would be."""
        action = ScriptedAction.model_validate(job.spec)
        left = control.remaining()
        wish = control.wait(min(action.takes, left)) if action.takes > 0 else control.wish
        if wish is not Wish.GO:
            return unknown("the scripted step was stopped before its time")
        if action.takes > left:
            return unknown(f"timeout after {job.timeout:g} s; it may have completed anyway")
        ending = Ending(action.ends[min(job.attempt, len(action.ends)) - 1])
        error = action.error or ("" if ending is Ending.OK else f"scripted to be {ending}")
        return Outcome(ending, output=dict(action.output), error=error)

    def attach(self, job: Job, control: Control) -> Outcome:  # noqa: ARG002  the contract's signature
        """There is never anything to find."""
        return Outcome(Ending.NOT_STARTED)

    def check(self, job: Job, control: Control) -> Outcome:  # noqa: ARG002  the contract's signature
        """A script can always be played, if it reads as one."""
        ScriptedAction.model_validate(job.spec)
        return Outcome(Ending.OK)
