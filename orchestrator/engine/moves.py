"""What the conductor can ask the runner to do next."""

from __future__ import annotations

from orchestrator.model.job import Phase
from orchestrator.model.outcome import Outcome
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Start:
    """Journal that a job begins, then begin it. ``check`` is which verify check (0 for an action)."""

    step: str
    phase: Phase
    attempt: int
    ident: str
    check: int = 0


@dataclass(frozen=True, slots=True)
class Attach:
    """Find a job that was begun before this driver, or whose link was lost."""

    step: str
    phase: Phase
    attempt: int
    ident: str
    check: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a job."""

    ident: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Journal that a person is awaited."""

    step: str
    undo: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """Journal the end of a step that no job reports: an approval given or expired, a job that never answered."""

    step: str
    phase: Phase
    attempt: int
    outcome: Outcome
    ident: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Journal that the step is left out."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class OverBudget:
    """Journal that a running step has passed its budget."""

    step: str
    budget: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class Breach:
    """Journal that a promise is not kept. ``decision`` is the number of the event that decided so, ``by`` who did."""

    kind: str
    detail: str
    by: str = ""
    decision: int = 0


@dataclass(frozen=True, slots=True)
class BeginRollback:
    """Journal the order of undoing, and begin."""

    by: str
    why: str
    order: tuple[str, ...]
    irreversible: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class EndRollback:
    """Journal how the rollback ended. A person must now undo ``left`` by hand, and then do what ``manual`` says."""

    ok: bool
    why: str
    left: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndRun:
    """Journal that the run is over."""

    status: str
    why: str


Move = Start | Attach | Cancel | Ask | Settle | Skip | OverBudget | Breach | BeginRollback | EndRollback | EndRun
