"""The floor: two full-sync commits a step into a table like the journal's, and nothing else."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing

from benchmarks.process import peak_memory

_AT = "2026-01-01T00:00:00.000000Z"
_BODY = json.dumps({"step": "s1", "phase": "action", "attempt": 1, "ident": "s1.action.1", "padding": "x" * 200})


def main(file: str, steps: int) -> None:
    """Commit two rows a step, each by itself; print how long it took."""
    with closing(sqlite3.connect(file, isolation_level=None)) as journal:
        journal.execute("PRAGMA journal_mode=WAL")
        journal.execute("PRAGMA synchronous=FULL")
        journal.execute(
            "CREATE TABLE event (run_id TEXT, seq INTEGER, at TEXT, mono REAL, epoch TEXT, kind TEXT, body TEXT,"
            " prev TEXT, hash TEXT, PRIMARY KEY (run_id, seq))"
        )
        began = time.perf_counter()
        for seq in range(1, 2 * steps + 1):
            journal.execute(
                "INSERT INTO event VALUES ('run', ?, ?, 1.0, 'epoch', 'step.started', ?, ?, ?)",
                (seq, _AT, _BODY, "0" * 64, "0" * 64),
            )
        seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"steps": seconds, "memory": peak_memory()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
