"""The observer: ``python -m orchestrator.lab.sites.observer``. Customers outside, who write down what they were told.

Every ``--every`` seconds a new customer tries one order over a connection of his own, whatever became of the others, so
that the moment the service is back is known to that precision. ``receipts.jsonl`` has a line ``{"number", "at",
"mono"}`` for each acknowledged order, ``availability.jsonl`` one for each attempt. It knows nothing of Holdfast.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from orchestrator.lab import daemon
from orchestrator.lab.client import post
from orchestrator.lab.effects import now

RECEIPTS, AVAILABILITY = "receipts.jsonl", "availability.jsonl"
PATIENCE = 3.0
"""Seconds a customer waits; then his order counts as failed."""
_MOST = 64
"""Customers that wait at one time."""


class Observer:
    """Tries orders and writes down what came of each."""

    def __init__(self, host: str, port: int, directory: Path, every: float) -> None:
        self._host, self._port, self._every = host, port, every
        self._body = json.dumps({"customer": "observer", "lines": [250, 1250]}).encode()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._receipts = os.open(directory / RECEIPTS, flags, 0o600)
        self._availability = os.open(directory / AVAILABILITY, flags, 0o600)
        self._places = threading.Semaphore(_MOST)
        self.stop = threading.Event()

    def run(self) -> None:
        """Try until told to stop; then wait for those that are under way, which are written down as well."""
        due = time.monotonic()
        while not self.stop.is_set():
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._customer, daemon=True).start()
            # No catching up: orders are to lie evenly.
            due = max(due + self._every, time.monotonic())
            self.stop.wait(due - time.monotonic())
        for _ in range(_MOST):
            self._places.acquire(timeout=PATIENCE + 1)

    def _customer(self) -> None:
        try:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE)
            began = time.monotonic()
            number = post(connection, self._body)
            ended, at = time.monotonic(), now()
            connection.close()
            if number is not None:
                _line(self._receipts, {"number": number, "at": at, "mono": round(ended, 6)})
            _line(self._availability, {"began": began, "ended": ended, "at": at, "number": number})
        finally:
            self._places.release()


def _line(handle: int, body: dict[str, object]) -> None:
    # One write: lines of several customers do not mix.
    os.write(handle, json.dumps(body).encode() + b"\n")


def main(argv: list[str] | None = None) -> int:
    """Observe until told to end."""
    words = argparse.ArgumentParser(prog="observer", description="Customers of the order service, who take notes.")
    words.add_argument("--host", required=True)
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--directory", type=Path, required=True)
    words.add_argument("--every", type=float, default=0.1, help="seconds between two orders")
    daemon.add_options(words)
    given = words.parse_args(argv)
    observer = Observer(given.host, given.port, given.directory, given.every)
    daemon.become(given)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: observer.stop.set())
    daemon.ready(given)
    observer.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
