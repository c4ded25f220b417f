"""What the mode makes of a plan's steps: talked through, only checked, or framed by the steady state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orchestrator.engine.step_state import ROLLBACK_CHECK
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.document import Mode, Text
from orchestrator.model.plan import COUNT, PlannedCheck, PlannedStep

STEADY_TIMEOUT = 15.0
"""Seconds a steady-state check is repeated for, where its runbook says nothing."""


def in_mode(
    mode: Mode, steps: Sequence[PlannedStep], leaves: tuple[str, ...], checks: Sequence[PlannedCheck]
) -> tuple[PlannedStep, ...]:
    """The steps as the mode wants them.

    The steady state (``checks``) is probed before a drill (and in a check), after everything (after ``leaves``, the
    steps nothing waits for), and after a rollback.
    """
    if mode is Mode.TABLETOP:
        return tuple(_talked_through(step) for step in steps)
    before = [_steady(check, "before", number) for number, check in enumerate(checks, 1)]
    if mode is Mode.CHECK:
        return (*before, *(_only_checked(step) for step in steps))
    if mode is not Mode.DRILL:
        before = []
    names = tuple(step.id for step in before)
    after = [_steady(check, "after", number, needs=leaves) for number, check in enumerate(checks, 1)]
    back = [_steady(check, "rollback", number, role=ROLLBACK_CHECK) for number, check in enumerate(checks, 1)]
    return (*before, *(step if step.needs else replace(step, needs=names) for step in steps), *after, *back)


def _talked_through(step: PlannedStep) -> PlannedStep:
    """In a tabletop people say what they would do; nothing is done, nothing is probed, nothing is safeguarded."""
    if step.kind == "approve" or step.skip:
        return step
    text = {"en": f"Talk it through: {step.title.en}", "zh": f"桌面推演: {step.title.in_language('zh')}"}
    return replace(
        step,
        kind="manual",
        spec={"instructions": text},
        changes=False,
        expect={},
        verify=(),
        undo=None,
        marks=(),
        role="",
    )


def _only_checked(step: PlannedStep) -> PlannedStep:
    """In check mode each executor looks whether it could act; neither the order of the steps nor what other steps do
    matters."""
    why = step.skip
    if step.kind in ASKS_PEOPLE:
        why = "a person's step: there is nothing to check"
    elif _reads_outputs(step.spec):
        why = "depends on the output of another step: it can be checked only in a run"
    role = "" if step.role == COUNT else step.role
    return replace(
        step, needs=(), changes=False, expect={}, verify=(), undo=None, marks=(), retries=0, skip=why, role=role
    )


def _reads_outputs(spec: Any) -> bool:
    if isinstance(spec, str):
        return "{{" in spec and "steps" in spec
    if isinstance(spec, dict):
        return any(_reads_outputs(value) for value in spec.values())
    return isinstance(spec, list | tuple) and any(_reads_outputs(value) for value in spec)


_WHEN = {"before": ("before", "前"), "after": ("after", "后"), "rollback": ("after the rollback", "回退后")}


def _steady(check: PlannedCheck, when: str, number: int, *, needs: tuple[str, ...] = (), role: str = "") -> PlannedStep:
    english, chinese = _WHEN[when]
    return PlannedStep(
        id=f"steady-{when}-{number}",
        title=Text(en=f"Steady state {english} ({number})", zh=f"稳态检查 ({chinese} {number})"),
        kind="wait",
        spec={"until": {"probe": check.probe, "expect": check.expect, "every": check.every}},
        needs=needs,
        changes=False,
        timeout=check.within or STEADY_TIMEOUT,
        role=role,
    )
