"""Who watches a run while it is driven: a live view on a terminal, plain lines elsewhere, or JSON lines.

None of them may hold up or end a recovery: an event is only put down by the driver's thread, and written by
another one. A terminal that is stopped (Ctrl-S), slow or gone delays nothing.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from orchestrator.cli.board import Board
from orchestrator.cli.streams import console, is_terminal
from orchestrator.cli.words import stamped
from orchestrator.engine.state import RunState
from orchestrator.model.event import Event, to_iso

if TYPE_CHECKING:
    from orchestrator.cli.outcome import Result

PATIENCE = 2.0
"""Seconds the end waits for what is still to be written."""


class Watcher(Protocol):
    """Observes a run, and says how it ended."""

    def saw(self, event: Event, state: RunState) -> None:
        """An event was committed."""

    def warn(self, text: str) -> None:
        """Something is not as it should be, and the run goes on."""

    def start(self) -> None:
        """Begin to show."""

    def stop(self) -> None:
        """Nothing more is shown while it runs."""

    def end(self, result: Result) -> None:
        """Say how it ended."""


class _Writer:
    """Writes lines in a thread of its own, so that who hands them over never waits."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        self._lines.put(line)

    def close(self) -> None:
        self._lines.put(None)
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                sys.stdout.write(line + "\n")
            except (OSError, ValueError):  # nobody reads any more; the run goes on
                return


class PlainLines:
    """One line an event, with its UTC time. What happened before this driver is not repeated."""

    def __init__(self) -> None:
        self._writer = _Writer()

    def saw(self, event: Event, state: RunState) -> None:
        """An event was committed."""
        if event.epoch == state.epoch or not state.epoch:
            self._writer.put(stamped(event, state.plan))

    def warn(self, text: str) -> None:
        """Something is not as it should be."""
        self._writer.put(f"warning: {text}")

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Write what is still to be written."""
        self._writer.close()

    def end(self, result: Result) -> None:
        """The closing words, plain."""
        from orchestrator.cli.closing_words import closing

        for line in closing(result.driven, result.measured, 160):
            sys.stdout.write(line.plain.removeprefix(" ").rstrip() + "\n")


class JsonLines:
    """One JSON object a line: ``{"type": "event", ...}``, at the end one ``{"type": "summary", ...}``."""

    def __init__(self) -> None:
        self._writer = _Writer()

    def saw(self, event: Event, state: RunState) -> None:
        """An event was committed."""
        if event.epoch == state.epoch or not state.epoch:
            self._writer.put(event_line(event))

    def warn(self, text: str) -> None:
        """Something is not as it should be."""
        self._writer.put(json.dumps({"type": "warning", "text": text}, ensure_ascii=False))

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Write what is still to be written."""
        self._writer.close()

    def end(self, result: Result) -> None:
        """The summary object."""
        sys.stdout.write(json.dumps({"type": "summary", **result.summary}, ensure_ascii=False) + "\n")


def event_line(event: Event) -> str:
    """An event as one JSON object."""
    body = {
        "type": "event", "run_id": event.run_id, "seq": event.seq, "kind": str(event.kind), "at": to_iso(event.at),
        "mono": event.mono, "epoch": event.epoch, "body": event.body,
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False)


def watcher(board: Board, *, as_json: bool) -> Watcher:
    """Who shall watch: by what was asked for, and by who looks."""
    if as_json:
        return JsonLines()
    if is_terminal() and console().width >= 40:
        from orchestrator.cli.live import LiveView

        return LiveView(board)
    return PlainLines()
