"""Parts of documents as parts of a plan: plain data, times in seconds, templates not yet rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.model.actions import ApproveAction, Check
from orchestrator.model.document import Document, Text
from orchestrator.model.plan import PlannedCheck, PlannedStep, PlannedUndo
from orchestrator.model.runbook import Step, Undo

DEFAULT_TIMEOUT = 3600.0
"""Seconds for a step whose runbook names no timeout (lint asks for one)."""


def plain(document: Document) -> dict[str, Any]:
    """The document as JSON-like data: durations in seconds, nothing that was not said."""
    data: dict[str, Any] = as_data(document.model_dump(mode="python", exclude_none=True))
    return data


def as_data(value: Any) -> Any:
    """``value`` made of nothing but dicts, lists and scalars."""
    if isinstance(value, Mapping):
        return {str(key): as_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(item) for item in value]
    return str(value) if isinstance(value, str) else value


def planned_check(check: Check) -> PlannedCheck:
    """A check as planned."""
    expect = {path: _matcher(matcher) for path, matcher in check.expect.items()}
    return PlannedCheck(plain(check.probe), expect, check.within, check.every)


def _matcher(matcher: Document) -> dict[str, Any]:
    # Only what was said: equals: null is an expectation of its own.
    data: dict[str, Any] = as_data(matcher.model_dump(mode="python", exclude_unset=True))
    return data


def _undo(undo: Undo) -> PlannedUndo:
    verify = (planned_check(undo.verify),) if undo.verify else ()
    return PlannedUndo(undo.kind, plain(undo.action), undo.timeout, verify)


def planned_step(step: Step) -> PlannedStep:
    """A step as planned, as it stands in its own runbook; what it needs and when it is left out is still to be said."""
    timeout = step.timeout if step.timeout is not None else DEFAULT_TIMEOUT
    if isinstance(step.action, ApproveAction) and step.action.deadline is not None:
        timeout = step.action.deadline
    return PlannedStep(
        id=step.id,
        title=step.title or Text(en=step.id.replace("-", " ").replace("_", " ")),
        kind=step.kind,
        spec=plain(step.action),
        needs=(),
        changes=step.is_changing,
        timeout=timeout,
        budget=step.budget,
        expect={path: _matcher(matcher) for path, matcher in step.expect.items()},
        verify=tuple(planned_check(check) for check in step.verify),
        retries=step.retries.count if step.retries else 0,
        retry_delay=step.retries.delay if step.retries else 0.0,
        idempotent=step.idempotent,
        on_doubt=step.on_doubt,
        undo=_undo(step.undo) if step.undo else None,
        irreversible=step.irreversible or "",
        role=step.role or "",
        marks=step.marks,
    )
