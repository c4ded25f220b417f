"""Ctrl-C and SIGTERM while a run is being driven: ask nothing, stop nothing halfway, say what still runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.engine.ports import Interrupted

if TYPE_CHECKING:
    from orchestrator.executors.hands import ThreadMailbox

AT_ONCE = 2.0
"""Seconds within which a second signal means: leave now."""

CODES = {"SIGINT": ExitCode.INTERRUPTED, "SIGTERM": ExitCode.TERMINATED, "SIGHUP": ExitCode.HUNG_UP}
"""What the program ends with, by the signal that interrupted the driver."""


class Signals:
    """While entered, signals become a notice for the driver. A second one within ``AT_ONCE`` seconds ends the process:
    the journal is safe at every moment, and jobs that were begun run on by themselves."""

    def __init__(self, mailbox: ThreadMailbox, last_words: Callable[[], str]) -> None:
        self._mailbox = mailbox
        self._last_words = last_words
        self._before: dict[int, Any] = {}
        self._last: float | None = None

    def __enter__(self) -> Signals:
        for name in CODES:
            number = getattr(signal, name)
            # Started with nohup, a run goes on when the terminal goes away.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        now = time.monotonic()
        if self._last is not None and now - self._last < AT_ONCE:
            self._leave(name)
        self._last = now
        self._mailbox.put(Interrupted(name))

    def _leave(self, name: str) -> None:
        # No buffered writer may be used here: the interrupted code may hold its lock.
        shown = b"\x1b[?25h" if os.isatty(2) else b""
        with suppress(OSError):  # nobody is there to read it
            os.write(2, shown + f"\n{self._last_words()}\n".encode())
        os._exit(CODES[name])
