"""Where a run's RPO markers are kept on this machine, shared by the writer process and the executor.

``<run>/markers/``: ``acknowledged.jsonl`` (one line per marker the server said it committed), ``lock`` (held by the
writer as long as it lives), ``writer.json`` (who that is), ``stop`` (asks it to end), ``ended`` (why it did), and
``log``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.plain import dataclass

TABLE = "holdfast_marker"
"""The table the markers are committed to. It is made where it is missing, and stays."""

ALREADY = 3
"""The writer's exit code where another one is at work."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A commit somebody was told of: when, by the wall clock (ISO 8601) and, for markers, by the monotonic clock."""

    number: int
    at: str
    mono: float | None = None


class MarkerFiles:
    """The files of one run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.acknowledged = directory / "acknowledged.jsonl"
        self.lock = directory / "lock"
        self.writer = directory / "writer.json"
        self.stop = directory / "stop"
        self.ended = directory / "ended"
        self.log = directory / "log"

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody writes markers now; nobody can begin to inside the block."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def size(self) -> int:
        """Bytes of notes: grows with each acknowledged marker."""
        return self.acknowledged.stat().st_size if self.acknowledged.exists() else 0

    def written(self) -> list[Acknowledged]:
        """The acknowledged markers, in order. A line that was cut off by a crash does not count."""
        return read_lines(self.acknowledged) if self.acknowledged.exists() else []

    def why(self) -> str:
        """Why the writer ended, where it said so."""
        return self.ended.read_text(encoding="utf-8").strip() if self.ended.exists() else ""


def read_lines(path: Path) -> list[Acknowledged]:
    """One JSON object a line: ``number``, ``at``, and perhaps ``mono``.

    Raises OSError, or ValueError naming the line.
    """
    found: list[Acknowledged] = []
    pieces = path.read_bytes().split(b"\n")
    # What stands behind the last newline was not completely written, so nobody was told of it.
    for line, text in enumerate(pieces[:-1], 1):
        try:
            entry = json.loads(text)
            found.append(Acknowledged(int(entry["number"]), str(entry["at"]), entry.get("mono")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{line} is not a receipt with number and at: {error}") from error
    return found
