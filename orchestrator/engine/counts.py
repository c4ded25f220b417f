"""The count of what was lost, which no run ends without: in its place in the runbook, else just before the end. Pure.

A step of role ``count`` looks and changes nothing. Nothing waits for it, and its failure stops and rolls back nothing:
a count that cannot be made takes no recovery back. A run that is aborted or rolled back is measured like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.engine.moves import EndRun, Move, Skip
from orchestrator.engine.phases import Now, look_for, start
from orchestrator.engine.state import RunState
from orchestrator.model.job import Phase
from orchestrator.model.plan import COUNT, PlannedStep
from orchestrator.model.transition import BUSY, GOOD, StepStatus

TRIES = 2
"""How often a count is tried in all: once in its place, and once more at the end where that failed."""


def before_the_end(state: RunState, now: Now, end: EndRun) -> list[Move]:
    """What is counted before the run may end; the end itself where nothing is left to count."""
    moves = list(_outstanding(state, now))
    at_work = any(state.steps[name].status in BUSY for name in state.counts)
    return moves or ([] if at_work else [end])


def _outstanding(state: RunState, now: Now) -> Iterator[Move]:
    for name in state.counts:
        planned, step = state.plan.by_id[name], state.steps[name]
        if step.status is StepStatus.RUNNING:
            if step.ident is not None and step.ident not in now.held:
                yield look_for(planned, step, step.ident, step.phase)
        elif step.status not in GOOD and step.attempt < TRIES and not planned.skip:
            missing = [one.id for one in state.plan.promotions_before(name) if state.steps[one.id].status not in GOOD]
            if not missing or elsewhere(state, planned) is not None:
                yield start(planned, step, Phase.ACTION)
            else:
                # Before its promotion a copy is only behind: what it has not received is not lost.
                yield Skip(name, f"{', '.join(missing)} did not come to a good end, so nothing was counted")


def elsewhere(state: RunState, planned: PlannedStep) -> str | None:
    """The host to count on where no copy has been put in the place of the data; None where the step's own is right.

    A promotion that failed, or whose end nobody knows, leaves it open which copy serves.
    """
    measure = planned.spec.get("measure") if planned.role == COUNT else None
    before = state.plan.promotions_before(planned.id) if isinstance(measure, Mapping) else []
    steps = [state.steps[one.id] for one in before]
    if isinstance(measure, Mapping) and any(step.status not in GOOD for step in steps):
        known = all(step.effects == 0 or step.status in (*GOOD, StepStatus.UNDONE) for step in steps)
        return measure.get("before_promotion") if known else None
    return None
