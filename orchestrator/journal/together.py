"""What several threads want of one thing at the same moment is done in one go, by one of them, for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from threading import Lock
from typing import Generic, Protocol, TypeVar

from orchestrator.plain import dataclass


class Wanted(Protocol):
    """Something to be done; ``done`` once it has been, well or not."""

    done: bool


W = TypeVar("W", bound=Wanted)


def _held() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Turn(Generic[W]):
    wanted: W
    woken: Lock = field(default_factory=_held)
    waits: bool = True
    leads: bool = False


class Together(Generic[W]):
    """``work`` is given all that is wanted at the moment, in the order in which it came, by one thread at a time.

    Each thread waits on a lock of its own: with one lock for all, hundreds of threads would have to pass through it one
    after another only to find that their part has been done.
    """

    def __init__(self, work: Callable[[Sequence[W]], None]) -> None:
        self._work = work
        self._guard = Lock()
        self._turns: list[_Turn[W]] = []
        self._led = False

    def do(self, wanted: W) -> None:
        """Return when ``work`` has done it. What ``work`` raises comes out in the thread that happened to call it, and
        the others' wants stay to be done: ``work`` keeps what goes wrong with each in the wanted itself."""
        turn = _Turn(wanted)
        with self._guard:
            self._turns.append(turn)
            leads, self._led = not self._led, True
        if leads or self._wait(turn):
            self._lead(turn)

    def _wait(self, turn: _Turn[W]) -> bool:
        """Whether it is this thread's part to lead now; else its want has been done."""
        try:
            turn.woken.acquire()
        except BaseException:
            # Interrupted: what it wanted may still be done by another, but it can neither wait nor lead.
            with self._guard:
                turn.waits = False
                heir = self._heir() if turn.leads else None
            if heir is not None:
                heir.woken.release()
            raise
        return turn.leads

    def _lead(self, own: _Turn[W]) -> None:
        with self._guard:
            own.waits = False
            turns, self._turns = self._turns, []
        try:
            self._work([turn.wanted for turn in turns])
        finally:
            with self._guard:
                self._turns[:0] = [turn for turn in turns if not turn.wanted.done]
                heir = self._heir()
            if heir is not None:
                heir.woken.release()
            for turn in turns:
                if turn.wanted.done and turn.waits:
                    turn.woken.release()

    def _heir(self) -> _Turn[W] | None:
        """The next to lead, told so; none where nobody waits."""
        heir = next((turn for turn in self._turns if turn.waits), None)
        if heir is None:
            self._led = False
        else:
            heir.leads = True
        return heir
