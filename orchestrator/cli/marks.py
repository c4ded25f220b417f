"""How a step's status looks: a symbol that is one cell wide everywhere, a word that needs no symbol, a colour that
needs neither."""

from __future__ import annotations

from orchestrator.model.transition import StepStatus
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One status as people see it."""

    symbol: str
    word: str
    style: str


MARKS: dict[StepStatus, Mark] = {
    StepStatus.PENDING: Mark(" ", "to come", "dim"),
    StepStatus.READY: Mark(" ", "to come", "dim"),
    StepStatus.RUNNING: Mark("►", "running", "bold cyan"),
    StepStatus.WAITING: Mark("!", "WAITING", "bold yellow"),
    StepStatus.SUCCEEDED: Mark("✓", "done", "green"),
    StepStatus.FAILED: Mark("✗", "FAILED", "bold red"),
    StepStatus.UNKNOWN: Mark("?", "UNKNOWN", "bold red"),
    StepStatus.IN_DOUBT: Mark("?", "IN DOUBT", "bold red"),
    StepStatus.SKIPPED: Mark("-", "left out", "dim"),
    StepStatus.UNDOING: Mark("►", "undoing", "bold magenta"),
    StepStatus.UNDONE: Mark("✓", "undone", "magenta"),
    StepStatus.UNDO_FAILED: Mark("✗", "UNDO FAILED", "bold red"),
}
"""Every status. Capitals mean that a person is needed."""

WIDEST = max(len(mark.word) for mark in MARKS.values()) + 2


def bar(share: float, width: int) -> str:
    """A bar of ``width`` characters, ``share`` of it full; past its end it is full and ends in ``>``."""
    if width < 3:
        return ""
    if share > 1:
        return "[" + "#" * (width - 3) + ">]"
    full = round(max(share, 0.0) * (width - 2))
    return "[" + "#" * full + "." * (width - 2 - full) + "]"
