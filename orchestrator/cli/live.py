"""The live view: redrawn about five times a second, and soon after each event, by a thread of its own."""

from __future__ import annotations

import threading

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from orchestrator.cli.board import Board
from orchestrator.cli.closing_words import closing
from orchestrator.cli.draw import header, hint_lines, id_width, step_lines, windowed, wrapped
from orchestrator.cli.outcome import Result
from orchestrator.cli.streams import console
from orchestrator.engine.state import RunState
from orchestrator.model.event import Event

PERIOD = 0.2
SHORTEST = 0.05
"""Seconds between two drawings: at most, and at least."""
PATIENCE = 2.0


class LiveView:
    """Draws a board until stopped. The driver's thread never touches the terminal."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._console = console()
        self._live = Live(
            console=self._console, get_renderable=self._drawing, auto_refresh=False, transient=True,
            redirect_stdout=False, redirect_stderr=False, vertical_overflow="crop",
        )  # fmt: skip
        self._wake = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)

    def saw(self, event: Event, state: RunState) -> None:  # noqa: ARG002 - the board keeps them
        """An event was committed."""
        self._wake.set()

    def warn(self, text: str) -> None:
        """Something is not as it should be; it stays in sight."""
        self._board.warnings.append(text)
        self._wake.set()

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draw no more, and take the drawing away."""
        self._over.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            self._live.start()
            while not self._over.is_set():
                self._live.refresh()
                self._over.wait(SHORTEST)
                self._wake.wait(PERIOD - SHORTEST)
                self._wake.clear()
            self._live.stop()
        except (OSError, ValueError):  # the terminal has gone; the run goes on
            return

    def _drawing(self) -> RenderableType:
        plan = self._board.plan
        size = self._console.size
        if plan is None:
            return Text(" starting ...", style="dim")
        width = size.width - 1
        top = header(plan, self._board.outage(), self._board.spent(), self._board.breaches(), width)
        bottom = [
            line
            for text in self._board.warnings[-3:]
            for line in wrapped(f"warning: {text}", width, indent=1, style="yellow")
        ]
        bottom += hint_lines(self._board.hints(), width)
        if not bottom:
            bottom = [Text(" Ctrl-C leaves; what runs goes on, and the run can be resumed", style="dim")]
        room = max(size.height - len(top) - len(bottom) - 3, 3)
        return Group(*top, Text(), *windowed(self._board.rows(), width, room), Text(), *bottom)

    def end(self, result: Result) -> None:
        """The final table, whole, and the closing words."""
        width = self._console.size.width - 1
        plan = result.driven.state.plan
        rows = self._board.rows()
        name_width = id_width(rows, width)
        lines = header(plan, None, self._board.spent(), (), width)[:2]
        lines.append(Text())
        for row in rows:
            lines.extend(step_lines(row, width, name_width, live=False))
        lines.append(Text())
        lines.extend(line.drawn() for line in closing(result.driven, result.measured, width))
        for text in self._board.warnings:
            lines.extend(wrapped(f"warning: {text}", width, indent=1, style="yellow"))
        self._console.print(Group(*lines))
