"""The table of a step's states. A move that is not in it is refused."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.errors import ForbiddenMove


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"
    UNDOING = "undoing"
    UNDONE = "undone"
    UNDO_FAILED = "undo_failed"


class Trigger(StrEnum):
    """What can happen to a step."""

    READY = "ready"
    START = "start"
    WAIT = "wait"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE = "lose"
    DOUBT = "doubt"
    SKIP = "skip"
    RETRY = "retry"
    MARK_DONE = "mark_done"
    UNDO = "undo"
    UNDO_OK = "undo_ok"
    UNDO_FAIL = "undo_fail"


_S, _T = StepStatus, Trigger

TABLE: dict[tuple[StepStatus, Trigger], StepStatus] = {
    (_S.PENDING, _T.READY): _S.READY,
    (_S.PENDING, _T.SKIP): _S.SKIPPED,
    (_S.READY, _T.START): _S.RUNNING,
    (_S.READY, _T.WAIT): _S.WAITING,
    (_S.READY, _T.SKIP): _S.SKIPPED,
    (_S.READY, _T.MARK_DONE): _S.SUCCEEDED,
    (_S.READY, _T.UNDO): _S.UNDOING,  # to be tried again, but an earlier attempt may have taken effect
    (_S.RUNNING, _T.START): _S.RUNNING,  # the next phase (verify) of the same attempt, or the same ident begun again
    (_S.RUNNING, _T.SUCCEED): _S.SUCCEEDED,
    (_S.RUNNING, _T.FAIL): _S.FAILED,
    (_S.RUNNING, _T.LOSE): _S.UNKNOWN,
    (_S.RUNNING, _T.DOUBT): _S.IN_DOUBT,
    (_S.WAITING, _T.START): _S.RUNNING,  # a person has done it, and now it is verified
    (_S.WAITING, _T.SUCCEED): _S.SUCCEEDED,
    (_S.WAITING, _T.FAIL): _S.FAILED,
    (_S.WAITING, _T.MARK_DONE): _S.SUCCEEDED,
    (_S.WAITING, _T.SKIP): _S.SKIPPED,
    (_S.WAITING, _T.UNDO): _S.UNDOING,  # nobody knows how far the person has come
    (_S.FAILED, _T.RETRY): _S.READY,
    (_S.FAILED, _T.SKIP): _S.SKIPPED,
    (_S.FAILED, _T.MARK_DONE): _S.SUCCEEDED,
    (_S.FAILED, _T.UNDO): _S.UNDOING,
    (_S.UNKNOWN, _T.START): _S.RUNNING,  # a probe looks what really happened
    (_S.UNKNOWN, _T.SUCCEED): _S.SUCCEEDED,
    (_S.UNKNOWN, _T.FAIL): _S.FAILED,
    (_S.UNKNOWN, _T.DOUBT): _S.IN_DOUBT,
    (_S.UNKNOWN, _T.RETRY): _S.READY,
    (_S.UNKNOWN, _T.SKIP): _S.SKIPPED,
    (_S.UNKNOWN, _T.MARK_DONE): _S.SUCCEEDED,
    (_S.UNKNOWN, _T.UNDO): _S.UNDOING,
    (_S.IN_DOUBT, _T.START): _S.RUNNING,
    (_S.IN_DOUBT, _T.SUCCEED): _S.SUCCEEDED,
    (_S.IN_DOUBT, _T.RETRY): _S.READY,
    (_S.IN_DOUBT, _T.SKIP): _S.SKIPPED,
    (_S.IN_DOUBT, _T.MARK_DONE): _S.SUCCEEDED,
    (_S.IN_DOUBT, _T.UNDO): _S.UNDOING,
    (_S.SUCCEEDED, _T.UNDO): _S.UNDOING,
    (_S.SKIPPED, _T.UNDO): _S.UNDOING,  # left out after an attempt that may have taken effect
    (_S.UNDOING, _T.START): _S.UNDOING,
    (_S.UNDOING, _T.UNDO_OK): _S.UNDONE,
    (_S.UNDOING, _T.UNDO_FAIL): _S.UNDO_FAILED,
    (_S.UNDOING, _T.MARK_DONE): _S.UNDONE,  # an undo that a person does
    (_S.UNDO_FAILED, _T.RETRY): _S.UNDOING,
    (_S.UNDO_FAILED, _T.MARK_DONE): _S.UNDONE,
}
"""(state, trigger) to the next state."""

GOOD = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})
"""States that let the steps behind go on."""

STUCK = frozenset({StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.IN_DOUBT, StepStatus.UNDO_FAILED})
"""States only a decision leads out of (unless attach, a probe or a retry is still to come)."""

BUSY = frozenset({StepStatus.RUNNING, StepStatus.UNDOING})
"""States in which a job may be at work."""


def move(step: str, status: StepStatus, trigger: Trigger) -> StepStatus:
    """The state after ``trigger``. Raises ForbiddenMove, naming what would be possible."""
    after = TABLE.get((status, trigger))
    if after is None:
        possible = sorted(str(t) for (s, t) in TABLE if s is status)
        raise ForbiddenMove(
            f"step {step} is {status}: it can not {trigger}",
            mend=f"from {status} it can: {', '.join(possible)}" if possible else f"{status} is final",
        )
    return after
