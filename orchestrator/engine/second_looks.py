"""What can be done about a failed, lost or doubtful step without asking a person. Pure.

The order is the promise: first look for the work where it was begun, then probe what it should have brought about,
and repeat only what may be repeated.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrator.engine.step_state import StepState
from orchestrator.model.actions import ASKS_PEOPLE, REACHES_BACK
from orchestrator.model.outcome import Ending
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus

MAX_RERUNS = 3
"""A repeatable step of unknown end is begun again by itself at most so often, then a person is asked."""

MAX_LOOKS = 3
"""A check that could not look (or whose driver died) is tried again at most so often."""


class Look(StrEnum):
    """The next thing to do by itself."""

    RETRY = "retry"
    """It failed and may be tried again, after its delay."""
    FIND = "find"
    """Look for the lost action on its target."""
    PROBE = "probe"
    """See whether what it should have brought about is there."""
    RERUN = "rerun"
    """Do it once more: twice does no harm."""


def next_look(planned: PlannedStep, step: StepState) -> Look | None:
    """What to do about a stuck step; None where only a person can tell."""
    if step.status is StepStatus.FAILED:
        again = step.failures <= planned.retries and _may_repeat(planned)
        return Look.RETRY if again else None
    if step.status not in (StepStatus.UNKNOWN, StepStatus.IN_DOUBT):
        return None
    acted = step.outcome is not None and step.outcome.ok
    if step.status is StepStatus.UNKNOWN and not acted and not step.reached_back and _reaches_back(planned, step):
        return Look.FIND
    if planned.verify and not step.probed and step.looks < MAX_LOOKS and (acted or planned.on_doubt == "probe"):
        return Look.PROBE
    if _may_repeat(planned) and step.reruns < MAX_RERUNS:
        return Look.RERUN
    return None


def look_again(step: StepState) -> bool:
    """Whether a check that saw nothing is worth another try."""
    return step.looks < MAX_LOOKS


def _may_repeat(planned: PlannedStep) -> bool:
    return planned.repeatable and planned.kind not in ASKS_PEOPLE


def _reaches_back(planned: PlannedStep, step: StepState) -> bool:
    lost = step.outcome is not None and step.outcome.ending is Ending.UNKNOWN
    return lost and planned.kind in REACHES_BACK and step.reruns < MAX_RERUNS
