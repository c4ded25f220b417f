"""Driving a run from the command line: watch it, turn signals into notices, and end with the right code."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.cli.board import Board
from orchestrator.cli.outcome import Result, exit_code, summary
from orchestrator.cli.place import called
from orchestrator.cli.signals import Signals
from orchestrator.cli.streams import nobody_reads
from orchestrator.cli.watch import watcher
from orchestrator.model.document import Milestone
from orchestrator.model.measurement import measure
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.driving import Asked

if TYPE_CHECKING:
    from orchestrator.engine.runner import Driven
    from orchestrator.wiring.app import Holdfast


def drive(
    program: Holdfast,
    go: Callable[[Asked], Driven],
    *,
    run_id: str,
    wait: bool,
    as_json: bool,
    milestones: Mapping[Milestone, datetime] | None = None,
    **more: Any,
) -> Result:
    """Drive until it is over, stuck, waiting or interrupted. Answers how it ended.

    ``go`` starts or resumes. ``wait``: whether to stay while people are awaited. Raises what ``go`` raises.
    """
    clock = SystemClock()
    board = Board(clock)
    watching = watcher(board, as_json=as_json)
    mailbox = program.mailbox()
    asked = Asked(
        by=program.settings.by, wait=wait, milestones=dict(milestones or {}), observers=(board, watching),
        mailbox=mailbox, warn=watching.warn, **more,
    )  # fmt: skip
    last_words = f"left at once; what runs goes on. Go on with: {shlex.join([*called(), 'resume', run_id])}"
    with Signals(mailbox, lambda: last_words):
        watching.start()
        threading.Thread(target=_ready_for_the_end, name="imports", daemon=True).start()
        try:
            driven = go(asked)
        finally:
            watching.stop()
    measured = measure(board.events())
    code = exit_code(driven, measured)
    result = Result(driven, measured, code, summary(driven, measured, code))
    try:
        watching.end(result)
    except (OSError, ValueError):  # nobody reads; the code still tells
        nobody_reads()
    return result


def _ready_for_the_end() -> None:
    """Import what the end of a run takes, while its first step waits for a host or a program."""
    import orchestrator.cli.closing_words
    import orchestrator.wiring.closing  # noqa: F401
