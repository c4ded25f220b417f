"""One thread that ends what blocks for ever: several of paramiko's calls know no deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TICK = 0.25
"""Seconds by which an end may come late."""
_QUIET = 20
"""Ticks without anything to watch after which the thread ends; the next use starts another."""


class Watch:
    """Many short deadlines cost one thread here, and not one each."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._awake = False

    @contextmanager
    def ending(self, within: float, end: Callable[[], None]) -> Iterator[None]:
        """Call ``end`` (which must not raise) when what is done inside takes longer than ``within`` seconds."""
        ticket = object()
        with self._guard:
            self._due[ticket] = (time.monotonic() + within, end)
            if not self._awake:
                self._awake = True
                threading.Thread(target=self._mind, name="ssh deadlines", daemon=True).start()
        try:
            yield
        finally:
            with self._guard:
                self._due.pop(ticket, None)

    def _mind(self) -> None:
        quiet = 0
        while True:
            time.sleep(_TICK)
            now = time.monotonic()
            with self._guard:
                late = [ticket for ticket, (due, _) in self._due.items() if due <= now]
                ends = [self._due.pop(ticket)[1] for ticket in late]
                quiet = 0 if self._due or late else quiet + 1
                if quiet > _QUIET:
                    self._awake = False
                    return
            for end in ends:
                end()
