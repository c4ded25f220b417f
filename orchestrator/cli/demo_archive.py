"""A database that fills its write-ahead log as fast as a busy one does.

The lab's server hands its log to the vault when a segment is full, or by itself every ten to twenty seconds. The demo's
restore begins seconds after the lab was put back: of the new orders nothing would be in the vault yet, and a restore
that finds no orders is rightly refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from orchestrator.errors import LabError
from orchestrator.lab import postgres
from orchestrator.lab.lab import Lab
from orchestrator.lab.layout import PRIMARY

EVERY = 1.0
"""Seconds between two segments."""
PATIENCE = 60.0


@contextmanager
def busy_archive(lab: Lab) -> Iterator[None]:
    """While entered, a segment goes to the vault each second; entered once orders are in the vault.

    Raises LabError where nothing arrives there.
    """
    over = threading.Event()
    thread = threading.Thread(target=_fill, args=(lab, over), name="archive", daemon=True)
    _wait("the customer's first orders", lambda: lab.receipts.exists() and lab.receipts.stat().st_size > 0)
    before = _archived(lab)
    thread.start()
    try:
        _wait("the first orders in the vault", lambda: len(_archived(lab) - before) >= 2)
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


def _fill(lab: Lab, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(LabError):  # a server that is busy is asked again
            postgres.ask(lab.layout, PRIMARY, "select pg_switch_wal()")
        over.wait(EVERY)


def _archived(lab: Lab) -> set[str]:
    return {path.name for path in lab.layout.wal.iterdir() if not path.name.startswith(".")}


def _wait(what: str, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise LabError(f"not within {PATIENCE:g}s: {what}", mend="try again: holdfast demo")
        time.sleep(0.1)
