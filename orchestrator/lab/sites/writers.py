"""The writer check: ``python -m orchestrator.lab.sites.writers``. Tries to write on every database host, all the time.

It goes past the service address to each server itself, so it finds a second writer that no customer would meet. A line
of its log is one try: way, number, when, and the timeline the server said it wrote, or why it did not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from orchestrator.lab import daemon
from orchestrator.lab.order_database import DatabaseGone, DatabaseRefused, OrderDatabase

LOG = "tries.jsonl"
_SECONDS = 1.0
"""Longest time a server has for one write."""


def check(via: str, psql: str, target: Path, every: float, log: int, stop: threading.Event) -> None:
    """Try one numbered row each ``every`` seconds by one way."""
    database = OrderDatabase(psql, target, _SECONDS)
    number = 0
    while not stop.is_set():
        number += 1
        timeline, said = None, ""
        began = time.monotonic()
        try:
            timeline = int(database.run_file(f"SELECT writer_check('{via}', {number})"))
        except (DatabaseGone, DatabaseRefused, ValueError) as error:
            said = str(error)[:200]
        ended = time.monotonic()
        body = {"via": via, "number": number, "began": began, "ended": ended, "timeline": timeline, "said": said}
        os.write(log, json.dumps(body).encode() + b"\n")
        stop.wait(every)
    database.cut()


def main(argv: list[str] | None = None) -> int:
    """Check until told to end."""
    words = argparse.ArgumentParser(prog="writers", description="Tries to write on every database host.")
    words.add_argument("--psql", required=True)
    words.add_argument("--directory", type=Path, required=True, help="has a file <way>.target.json for each way")
    words.add_argument("--every", type=float, default=0.1)
    daemon.add_options(words)
    given = words.parse_args(argv)
    stop = threading.Event()
    log = os.open(given.directory / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    daemon.become(given)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    daemon.ready(given)
    ways = [
        threading.Thread(
            target=check, args=(file.name.split(".")[0], given.psql, file, given.every, log, stop), daemon=True
        )
        for file in sorted(given.directory.glob("*.target.json"))
    ]
    for way in ways:
        way.start()
    for way in ways:
        way.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
