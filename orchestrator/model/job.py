"""A job: one phase of one step's attempt, ready for an executor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from orchestrator.model.document import Mode
from orchestrator.plain import dataclass


class Phase(StrEnum):
    """Which part of a step (or of a run) a job does."""

    ACTION = "action"
    VERIFY = "verify"
    UNDO = "undo"
    UNDO_VERIFY = "undo_verify"
    STEADY = "steady"


def ident_of(step: str, phase: Phase, number: int) -> str:
    """The job's name: unique in its run, safe as a file name. ``number`` counts the jobs begun for the step."""
    return f"{step.replace('/', '--')}.{phase}.{number}"


@dataclass(frozen=True, slots=True)
class Job:
    """What an executor is asked to do.

    ``spec`` is the action's (or probe's) document as data with all templates rendered; it may hold secrets and is never
    written anywhere as it is. ``expect`` is there so that waiting for a check can look itself. ``directory`` is the
    job's own private directory (absolute; 0700, made by the executor: if it is not there, the job certainly never
    began). ``lock_fds`` are to be inherited by any child, so that the targets stay locked as long as it lives.
    """

    run_id: str
    step: str
    phase: Phase
    attempt: int
    ident: str
    kind: str
    spec: Mapping[str, Any]
    timeout: float
    mode: Mode
    directory: str
    changes: bool = False
    expect: Mapping[str, Any] = field(default_factory=dict)
    within: float | None = None
    every: float = 0.5
    lock_fds: tuple[int, ...] = ()
    secrets: tuple[str, ...] = ()
    """The secret values themselves, so that a child process can redact too."""
