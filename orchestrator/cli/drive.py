"""Driving a run from the command line: watch it, turn signals into notices, and end with the right code."""

from __future__ import annotations

import gc
import shlex
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.board import Board
from orchestrator.cli.place import called
from orchestrator.cli.signals import Signals
from orchestrator.cli.streams import nobody_reads
from orchestrator.cli.watch import watcher
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.driving import Asked

if TYPE_CHECKING:
    from orchestrator.cli.outcome import Result
    from orchestrator.engine.runner import Driven
    from orchestrator.engine.state import RunState
    from orchestrator.wiring.app import Holdfast

POLITE = 0.0002
"""Seconds after which the thread that makes ready for the end gives way to the others."""


def drive(
    program: Holdfast,
    go: Callable[[Asked], Driven],
    *,
    run_id: str,
    wait: bool,
    as_json: bool,
    milestones: Mapping[Milestone, datetime] | None = None,
    connecting: bool = False,
    **more: Any,
) -> Result:
    """Drive until it is over, stuck, waiting or interrupted. Answers how it ended.

    ``go`` starts or resumes. ``wait``: whether to stay while people are awaited. ``connecting``: connections come up
    that the first step needs. Raises what ``go`` raises.
    """
    clock = SystemClock()
    board = Board(clock)
    watching = watcher(board, as_json=as_json)
    mailbox = program.mailbox()
    ready = _ReadyForTheEnd()
    asked = Asked(
        by=program.settings.by, wait=wait, milestones=dict(milestones or {}),
        observers=(board, watching, ready), mailbox=mailbox, warn=watching.warn, **more,
    )  # fmt: skip
    last_words = f"left at once; what runs goes on. Go on with: {shlex.join([*called(), 'resume', run_id])}"
    with Signals(mailbox, lambda: last_words):
        watching.start()
        # From here on there is waste that is worth looking for, but not among what has been loaded.
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)
        if connecting:
            ready.begin()
        try:
            driven = go(asked)
        finally:
            watching.stop()
    ready.wait()
    from orchestrator.cli.outcome import Result, exit_code, summary
    from orchestrator.model.measurement import measure

    measured = measure(board.events())
    code = exit_code(driven, measured)
    result = Result(driven, measured, code, summary(driven, measured, code))
    try:
        watching.end(result)
    except (OSError, ValueError):  # nobody reads; the code still tells
        nobody_reads()
    return result


class _ReadyForTheEnd:
    """Makes ready what the end of a run takes, while its first step must wait: for connections where some come up, else
    for a program, once it has begun. Before that each millisecond counts.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def saw(self, event: Event, state: RunState) -> None:  # noqa: ARG002 - every observer has both
        """An event was committed."""
        if event.kind is EventKind.STEP_STARTED:
            self.begin()

    def begin(self) -> None:
        """Begin to make it ready, where that was not begun yet. Does not wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=_make_ready, name="ready for the end", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until it is ready, where that was begun."""
        if self._thread is not None:
            self._thread.join()


def _make_ready() -> None:
    before = sys.getswitchinterval()
    # A step's threads do a little at a time, and wait for this long each time they find the interpreter at work here.
    sys.setswitchinterval(POLITE)
    try:
        import orchestrator.cli.closing_words
        import orchestrator.wiring.closing  # noqa: F401
        from orchestrator.model.measurement import build

        build()
    finally:
        sys.setswitchinterval(before)
