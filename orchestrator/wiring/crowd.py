"""Many runs driven at once by one process: how often their threads take turns."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 16
"""Runs at once from which on it is a crowd."""
TURN = 0.1
"""Seconds after which a thread that waits asks for its turn in a crowd. Python's own 5 ms wake every waiting thread two
hundred times a second, and hundreds of those come to more work than the runs. Threads of a run hand over by themselves
long before: whenever they journal, read or wait."""

_guard = threading.Lock()
_driven = 0
_usual = sys.getswitchinterval()


@contextmanager
def one_of_many() -> Iterator[None]:
    """Within it a run is driven."""
    _counted(+1)
    try:
        yield
    finally:
        _counted(-1)


def _counted(more: int) -> None:
    global _driven, _usual
    with _guard:
        before, _driven = _driven, _driven + more
        if before < MANY <= _driven:
            _usual = sys.getswitchinterval()
            sys.setswitchinterval(max(TURN, _usual))
        elif _driven < MANY <= before:
            sys.setswitchinterval(_usual)
