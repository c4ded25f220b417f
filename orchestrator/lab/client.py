"""A customer outside: ``python -m orchestrator.lab.client``. Posts orders steadily and keeps the receipts.

A receipt is a line ``{"number", "at"}``, written only after the service acknowledged the order; ``at`` is this
client's own clock. Receipts are the truth about what was promised, and the longest pause between two is the outage that
a customer saw.
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
from orchestrator.lab.effects import now

_PATIENCE = 5.0


def post(connection: http.client.HTTPConnection, body: bytes) -> int | None:
    """Post one order; its number, or None where it was not acknowledged."""
    try:
        # http.client sets TCP_NODELAY itself, so that an order is not held back.
        connection.request("POST", "/orders", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        return int(json.loads(text)["number"]) if answer.status == 201 else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        connection.close()
        return None


def run(port: int, receipts: Path, every: float, stop: threading.Event) -> None:
    """Post one order each ``every`` seconds until ``stop``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    body = json.dumps({"customer": "walk-in", "lines": [250, 1250]}).encode()
    file = os.open(receipts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        following = time.monotonic()
        while not stop.is_set():
            number = post(connection, body)
            if number is not None:
                os.write(file, json.dumps({"number": number, "at": now()}).encode() + b"\n")
            # No catching up after an outage: a customer does not send what he could not send.
            following = max(following + every, time.monotonic())
            stop.wait(following - time.monotonic())
    finally:
        os.close(file)
        connection.close()


def main(argv: list[str] | None = None) -> int:
    """Post until told to end."""
    words = argparse.ArgumentParser(prog="client", description="A steady customer of the lab's order service.")
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--receipts", type=Path, required=True)
    words.add_argument("--every", type=float, default=0.02, help="seconds between two orders")
    daemon.add_options(words)
    given = words.parse_args(argv)
    stop = threading.Event()
    daemon.become(given)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    daemon.ready(given)
    run(given.port, given.receipts, given.every, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
