"""A run's records kept in little memory, in case they have to be written down once more somewhere else."""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator
from dataclasses import astuple

from orchestrator.journal.chain import Record

CHUNK = 200
"""Records that are pressed together: what a run says again and again is then said once."""


class Remembered:
    """Records in the order of their numbers. Takes about a tenth of what they would take as they are."""

    def __init__(self) -> None:
        self.last: Record | None = None
        self._pressed: list[bytes] = []
        self._fresh: list[Record] = []

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._pressed) * CHUNK + len(self._fresh)

    def add(self, record: Record) -> None:
        """Keep one more."""
        self.last = record
        self._fresh.append(record)
        if len(self._fresh) == CHUNK:
            # Only ever read by this very process: no format that anybody else must know.
            self._pressed.append(zlib.compress(marshal.dumps([astuple(one) for one in self._fresh]), 1))
            self._fresh.clear()

    def __iter__(self) -> Iterator[Record]:
        for pressed in self._pressed:
            for fields in marshal.loads(zlib.decompress(pressed)):  # noqa: S302 - our own, from this process's memory
                yield Record(*fields)
        yield from self._fresh
