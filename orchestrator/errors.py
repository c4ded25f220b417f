"""The one error tree.

::

    HoldfastError                 anything this program says is wrong, with a mend where there is one
    ├── DocumentError             one or more problems in files, each at file:line:col
    ├── UsageError                the call's words are off (option, name, missing thing)
    ├── Refused                   a rule forbids it (approval by the starter, production in a drill, ...)
    │   ├── LockHeld              another run holds a target; names the holder and since when
    │   ├── ForbiddenMove         the state table has no such move
    │   └── HostKeyRefused        the target's host key is unknown or has changed
    ├── StoreError                the journal's store
    │   ├── StoreUnavailable      missing, read-only, locked, unreachable, full: the run can go on elsewhere
    │   ├── StoreCorrupt          what is stored cannot be read back
    │   └── DriverConflict        somebody else drives this run: this driver must stop at once
    ├── EvidenceError             a chain, digest or signature does not hold; names the first bad record
    ├── ExecutorError             an executor could not even try (missing program, bad inventory)
    └── LabError                  the practice lab

Foreign errors are mapped to this tree where they enter. ``exit_code`` is what the
command line ends with when the error reaches it (docs/operating.md has the table).
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.plain import dataclass


class HoldfastError(Exception):
    """Anything this program says is wrong.

    ``mend`` says what to do about it, in one sentence, or is empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  mend: {self.mend}" if self.mend else self.message


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one file, where it is (1-based line and column) and how to mend it."""

    file: str
    line: int
    column: int
    message: str
    mend: str = ""
    warning: bool = False

    def __str__(self) -> str:
        kind = "warning: " if self.warning else ""
        tail = f"\n  mend: {self.mend}" if self.mend else ""
        return f"{self.file}:{self.line}:{self.column}: {kind}{self.message}{tail}"


class DocumentError(HoldfastError):
    """One or more problems found in documents; all of them at once, in file order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(HoldfastError):
    """The call's words are off."""

    exit_code = 2


class Refused(HoldfastError):
    """A rule forbids it."""

    exit_code = 7


class LockHeld(Refused):
    """Another run holds a target this run needs."""

    def __init__(self, lock: str, holder: str, since: str, *, mend: str = "") -> None:
        super().__init__(f"{lock} is held by run {holder} since {since}", mend=mend)
        self.lock = lock
        self.holder = holder
        self.since = since


class ForbiddenMove(Refused):
    """The state table has no such move."""


class HostKeyRefused(Refused):
    """The target's host key is unknown or has changed."""


class StoreError(HoldfastError):
    """The journal's store."""

    exit_code = 8


class StoreUnavailable(StoreError):
    """The store is missing, read-only, locked, unreachable or full. The run can go on elsewhere."""


class StoreCorrupt(StoreError):
    """What is stored cannot be read back."""


class DriverConflict(StoreError):
    """Somebody else drives this run; this driver must stop at once and do nothing more."""


class EvidenceError(HoldfastError):
    """A chain, digest or signature does not hold. ``first_bad`` names the first bad record."""

    exit_code = 9

    def __init__(self, message: str, *, first_bad: str, mend: str = "") -> None:
        super().__init__(message, mend=mend)
        self.first_bad = first_bad


class ExecutorError(HoldfastError):
    """An executor could not even try."""

    exit_code = 3


class LabError(HoldfastError):
    """The practice lab."""

    exit_code = 1
