"""The hash chain. Pure: what was written is proved by what follows it.

``hash`` is SHA-256 over the canonical JSON of at, body, epoch, kind, mono, prev, run_id and seq; ``prev`` is
the hash of the record before it, or ``GENESIS``. A change anywhere breaks the chain there; a cut tail shows
against the seal.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterable
from json.encoder import encode_basestring
from typing import Any

from orchestrator.journal.canonical import canonical
from orchestrator.model.event import Event, EventKind, from_iso
from orchestrator.plain import dataclass

GENESIS = "0" * 64
"""What the first record of a run follows."""

_TYPES: dict[str, type] = {
    **dict.fromkeys(("at", "epoch", "hash", "kind", "prev", "run_id"), str),
    "body": dict,
    "mono": float,
    "seq": int,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One event as it is stored: ``at`` is ISO 8601 text and ``body`` canonical JSON text."""

    run_id: str
    seq: int
    at: str
    mono: float
    epoch: str
    kind: str
    body: str
    prev: str
    hash: str

    def to_event(self) -> Event:
        """The event in it. Raises ValueError where it can not be read."""
        return Event(
            run_id=self.run_id,
            seq=self.seq,
            kind=EventKind(self.kind),
            at=from_iso(self.at),
            mono=self.mono,
            epoch=self.epoch,
            body=_DECODER.decode(self.body),
        )

    def to_line(self) -> str:
        """The record as one canonical JSON line (without the line's end): hash and prev included."""
        return _text(self.run_id, self.seq, self.at, self.mono, self.epoch, self.kind, self.body, self.prev, self.hash)


def _sharing_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    # Tens of thousands of events say the same few words; each its own copy of them would be half the memory.
    return {sys.intern(key): value for key, value in pairs}


_DECODER = json.JSONDecoder(object_pairs_hook=_sharing_keys)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """The first record that does not hold, and why."""

    seq: int
    why: str

    def __str__(self) -> str:
        return f"record {self.seq} {self.why}"


def _text(
    run_id: str, seq: int, at: str, mono: float, epoch: str, kind: str, body: str, prev: str, digest: str = ""
) -> str:
    # Put together by hand because the body is canonical text already: parsing it again would cost more than
    # the commit.
    own = f'"hash":"{digest}",' if digest else ""
    return (
        f'{{"at":{_word(at)},"body":{body},"epoch":{_word(epoch)},{own}"kind":{_word(kind)},'
        f'"mono":{repr(mono) if math.isfinite(mono) else canonical(mono)},'
        f'"prev":{_word(prev)},"run_id":{_word(run_id)},"seq":{seq}}}'
    )


def _word(text: str) -> str:
    """``canonical`` of a text; nearly all are plain ASCII, and then there is nothing to look into."""
    return encode_basestring(text) if text.isascii() else canonical(text)


def _digest(run_id: str, seq: int, at: str, mono: float, epoch: str, kind: str, body: str, prev: str) -> str:
    text = _text(run_id, seq, at, mono, epoch, kind, body, prev)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def link(run_id: str, seq: int, *, at: str, mono: float, epoch: str, kind: str, body: str, prev: str) -> Record:
    """The record that follows ``prev``. ``body`` must be canonical JSON text."""
    mono = float(mono)
    return Record(
        run_id,
        seq,
        at,
        mono,
        epoch,
        kind,
        body,
        prev,
        _digest(run_id, seq, at, mono, epoch, kind, body, prev),
    )


def record_from_line(line: str) -> Record:
    """The record that ``to_line`` wrote. Raises ValueError where the line is not exactly such a line."""
    value = json.loads(line)
    if not isinstance(value, dict) or canonical(value) != line:
        raise ValueError("it is not canonical JSON: it was written or changed by something else")
    if set(value) != set(_TYPES) or not all(isinstance(value[name], kind) for name, kind in _TYPES.items()):
        raise ValueError("it does not have the fields of a record")
    return Record(**{**value, "body": canonical(value["body"])})


def _fault(record: Record, expected: int, prev: str, run_id: str, later: Iterable[Record]) -> BadRecord | None:
    if record.seq != expected:
        if record.seq < expected:
            return BadRecord(expected, f"is out of its place: record {record.seq} stands there a second time")
        if any(other.seq == expected for other in later):
            return BadRecord(expected, f"is out of its place: record {record.seq} stands before it")
        return BadRecord(expected, f"is missing: record {record.seq} follows record {expected - 1}")
    if record.run_id != run_id:
        return BadRecord(expected, f"belongs to another run: {record.run_id}")
    if record.prev != prev:
        return BadRecord(
            expected,
            f"does not follow record {expected - 1}: one of the two was changed, put in or taken out"
            if expected > 1
            else "does not begin the run: something before it was taken out",
        )
    wanted = _digest(
        record.run_id, record.seq, record.at, record.mono, record.epoch, record.kind, record.body, record.prev
    )
    if record.hash != wanted:
        return BadRecord(expected, "was changed: its content does not fit its hash")
    return None


def verify_chain(
    records: Iterable[Record], *, run_id: str | None = None, count: int | None = None, head: str | None = None
) -> BadRecord | None:
    """The first bad record, or None where the chain holds. ``records`` are gone through once.

    Finds an edit, a deletion, a changed order and an insertion; with ``count`` and ``head`` (from a seal) a
    cut tail, an addition after the seal, and a chain that was computed anew.
    """
    name, prev, number = run_id, GENESIS, 0
    later = iter(records)
    for number, record in enumerate(later, 1):
        name = record.run_id if name is None else name
        bad = _fault(record, number, prev, name, later)
        if bad is not None:
            return bad
        if count is not None and record.seq > count:
            return BadRecord(record.seq, f"was added after the seal, which says {count} records")
        prev = record.hash
    if count is not None and number < count:
        return BadRecord(number + 1, f"is missing: the seal says {count} records")
    if head is not None and prev != head:
        return BadRecord(number, "is not the one that was sealed: the chain was written anew")
    return None
