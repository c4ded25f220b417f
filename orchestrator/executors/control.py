"""The reins of one job: what the driver wants of it, and how long it may still take."""

from __future__ import annotations

import threading

from orchestrator.engine.ports import Clock
from orchestrator.executors.contract import Wish


class JobControl:
    """A Control (see ``contract``) that another thread can pull. ``timeout`` is in seconds from now on."""

    def __init__(self, timeout: float, clock: Clock) -> None:
        self._clock = clock
        self._deadline = clock.mono() + timeout
        self._wish = Wish.GO
        self._changed = threading.Condition()

    @property
    def wish(self) -> Wish:
        """What is wanted now."""
        return self._wish

    def pull(self, wish: Wish) -> None:
        """Tell the job. The first word other than GO stands: a job let go of is not stopped any more."""
        with self._changed:
            if self._wish is Wish.GO:
                self._wish = wish
                self._changed.notify_all()

    def wait(self, seconds: float) -> Wish:
        """Sleep at most ``seconds``; return at once when the wish changes. Answers the wish."""
        with self._changed:
            if self._wish is Wish.GO and seconds > 0:
                self._changed.wait_for(lambda: self._wish is not Wish.GO, timeout=seconds)
            return self._wish

    def remaining(self) -> float:
        """Seconds of the timeout that are left; never below zero."""
        return max(0.0, self._deadline - self._clock.mono())
