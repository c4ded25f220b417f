"""Threads that are used again: a job needs one to block in, and a thousand quick jobs need few."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Task = Callable[[], None]

IDLE_FOR = 5.0
"""Seconds an idle thread waits for more work before it ends."""


class Workers:
    """Runs each task at once in a daemon thread of its own, which is used again when it is free.

    There is no upper limit: a job that had to wait for another's thread could deadlock a runbook.
    """

    def __init__(self) -> None:
        self._tasks: deque[tuple[str, Task]] = deque()
        self._wanted = threading.Condition()
        self._idle = 0

    def start(self, name: str, task: Task) -> None:
        """Run ``task`` now, in a thread called ``name`` while it lasts. ``task`` must not raise."""
        with self._wanted:
            self._tasks.append((name, task))
            if self._idle >= len(self._tasks):
                self._wanted.notify()
                return
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._wanted:
                self._idle += 1
                given = self._wanted.wait_for(lambda: bool(self._tasks), timeout=IDLE_FOR)
                self._idle -= 1
                if not given:
                    return
                name, task = self._tasks.popleft()
            threading.current_thread().name = name
            task()
            threading.current_thread().name = "idle"
