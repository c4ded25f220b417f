"""The store over SQL: everything but how a statement is run, which the two databases do themselves."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, field
from datetime import datetime
from threading import RLock
from typing import Any, TypeVar

from orchestrator.engine.ports import Decision
from orchestrator.errors import DriverConflict, LockHeld, Refused, StoreCorrupt, StoreError, StoreUnavailable
from orchestrator.journal import sql
from orchestrator.journal.canonical import canonical, plain
from orchestrator.journal.chain import Record
from orchestrator.journal.store import NO_LIMIT, Head, HeldLock, RunHeader, RunListing, Seal
from orchestrator.journal.together import Together
from orchestrator.model.event import EventKind, from_iso, to_iso
from orchestrator.plain import dataclass

T = TypeVar("T")
Row = tuple[Any, ...]

MOST_LOOKS = 500
"""Runs whose decisions are asked for with one query: databases limit how many parameters a statement may have."""


class KeyTaken(StoreError):
    """The row's place is taken, or not there to be taken. Never leaves this room."""


@dataclass(slots=True, eq=False)
class _Look:
    """A run's decisions that somebody wants to know, and the answer."""

    run_id: str
    after: int
    rows: list[Row] = field(default_factory=list)
    done: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class _Entry:
    """A change that waits to be committed, and what became of it. ``one_row``: it is refused where it adds none."""

    statement: str
    parameters: Sequence[Any]
    one_row: bool = False
    done: bool = False
    refused: bool = False
    error: Exception | None = None


class SqlStore(ABC):
    """A ``Store`` over one database connection; may be called from several threads, one at a time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = RLock()
        self._together: Together[_Entry | _Look] = Together(self._do_all)

    @property
    def address(self) -> str:
        """Where it is, for people; never with a password."""
        return self._address

    @abstractmethod
    def _query(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows a statement answers. Raises KeyTaken, StoreUnavailable, StoreCorrupt."""

    @abstractmethod
    def _change(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows a statement changed; committed on return unless within ``_transaction``."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]:
        """All the changes made within, or none."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database. May be called twice."""

    def _check_version(self, found: str) -> None:
        if found != sql.SCHEMA_VERSION:
            raise StoreUnavailable(
                f"the journal {self.address} has schema version {found}; this holdfast knows {sql.SCHEMA_VERSION}",
                mend="use the holdfast version that wrote it, or name another store",
            )

    def create_run(self, run: RunHeader) -> None:
        """Enter a run. Does nothing where it is there already."""
        header = canonical(plain(run.header))
        self._commit(
            _Entry(sql.CREATE_RUN, (run.run_id, to_iso(run.created_at), run.runbook, run.system, run.mode, header))
        )

    def run(self, run_id: str) -> RunHeader | None:
        """The run's header, or None where there is no such run."""
        with self._lock:
            rows = self._query(sql.RUN, (run_id,))
        return self._read(_to_header, rows[0]) if rows else None

    def runs(self, limit: int = 1000) -> Sequence[RunListing]:
        """The newest runs, newest first."""
        with self._lock:
            rows = self._query(sql.RUNS, (limit,))
        return [self._read(_to_listing, row) for row in rows]

    def append(self, record: Record) -> None:
        """Commit one record; see ``Store.append``."""
        entry = _Entry(sql.APPEND, _appended(record), one_row=True)
        self._commit(entry)
        if entry.refused:
            with self._lock:
                self._explain_refusal(record)

    def _commit(self, entry: _Entry) -> None:
        """Commit one change. What several threads bring at the same moment is committed together, with one sync: none
        of them is answered before it."""
        self._together.do(entry)
        if entry.error is not None:
            raise entry.error

    def _do_all(self, wanted: Sequence[_Entry | _Look]) -> None:
        changes = [one for one in wanted if isinstance(one, _Entry)]
        looks = [one for one in wanted if isinstance(one, _Look)]
        with self._lock:
            if changes and (len(changes) == 1 or not self._committed_together(changes)):
                self._commit_each(changes)
            for start in range(0, len(looks), MOST_LOOKS):
                self._look(looks[start : start + MOST_LOOKS])

    def _look(self, looks: Sequence[_Look]) -> None:
        """Answer all of them with one query."""
        try:
            if len(looks) == 1:
                looks[0].rows = self._query(sql.DECISIONS, (looks[0].run_id, looks[0].after))
            else:
                found: dict[str, list[Row]] = {}
                for run_id, *row in self._query(sql.decisions_of(len(looks)), [look.run_id for look in looks]):
                    found.setdefault(run_id, []).append(tuple(row))
                for look in looks:
                    look.rows = [row for row in found.get(look.run_id, ()) if row[0] > look.after]
        except Exception as error:  # noqa: BLE001 - it is raised where the question came from
            for look in looks:
                look.error = error
        for look in looks:
            look.done = True

    def _committed_together(self, entries: Sequence[_Entry]) -> bool:
        """All of them, or none where one of them cannot be committed."""
        try:
            with self._transaction():
                for entry in entries:
                    self._do(entry)
        except Exception:  # noqa: BLE001 - each is tried by itself then, and learns what is wrong with it
            return False
        for entry in entries:
            entry.done = True
        return True

    def _commit_each(self, entries: Sequence[_Entry]) -> None:
        """Each by itself, so that each learns what is wrong with it. A store that has failed is not asked again."""
        broken: StoreError | None = None
        for entry in entries:
            try:
                if broken is not None:
                    raise broken
                self._do(entry)
            except KeyTaken as taken:
                entry.refused, entry.error = entry.one_row, None if entry.one_row else taken
            except StoreError as error:
                entry.error = broken = error
            except Exception as error:  # noqa: BLE001 - it is raised where the change came from
                entry.error = error
            entry.done = True

    def extend(self, records: Sequence[Record]) -> None:
        """Commit records that follow each other, all or none. Those that are there already are left out."""
        with self._lock:
            current = records[0] if records else None
            try:
                with self._transaction():
                    for current in records:
                        self._insert(current)
            except KeyTaken:
                assert current is not None
                self._explain_refusal(current)
                self.extend([record for record in records if record.seq > current.seq])

    def _do(self, entry: _Entry) -> None:
        if self._change(entry.statement, entry.parameters) != 1 and entry.one_row:
            raise KeyTaken(str(entry.parameters[0]))

    def _insert(self, record: Record) -> None:
        self._do(_Entry(sql.APPEND, _appended(record), one_row=True))

    def records(self, run_id: str, after: int = 0, limit: int = NO_LIMIT) -> Sequence[Record]:
        """The run's records with a higher ``seq`` than ``after``, in order; at most ``limit``."""
        with self._lock:
            return [self._read(_to_record, row) for row in self._query(sql.RECORDS, (run_id, after, limit))]

    def head(self, run_id: str) -> Head | None:
        """The run's last record, or None where it has none."""
        with self._lock:
            rows = self._query(sql.HEAD, (run_id,))
        return Head(rows[0][0], rows[0][1]) if rows else None

    def give(
        self, run_id: str, *, verb: str, step: str, by: str, account: str, why: str, given_at: datetime
    ) -> Decision:
        """Put a person's decision in the run's inbox."""
        words = [_storable(word) for word in (verb, step, by, account, why)]
        number = int(given_at.timestamp() * 1_000_000)
        with self._lock:
            for _ in range(20):
                try:
                    rows = self._query(sql.GIVE, (run_id, number, number, run_id, *words, to_iso(given_at)))
                except KeyTaken:  # somebody else took the number at the same moment
                    continue
                return _to_decision((rows[0][0], *words, to_iso(given_at)))
        raise StoreUnavailable(
            f"the inbox of run {run_id} in {self.address} is too busy", mend="give the decision again"
        )

    def decisions(self, run_id: str, after: int = 0) -> Sequence[Decision]:
        """Decisions with a higher number, in order."""
        look = _Look(run_id, after)
        self._together.do(look)
        if look.error is not None:
            raise look.error
        return [self._read(_to_decision, row) for row in look.rows]

    def take_locks(self, run_id: str, names: Sequence[str], since: datetime) -> None:
        """Hold all of ``names`` for the run, or none: raises LockHeld."""
        with self._lock, self._transaction():
            # One order for everybody, so that two takers never wait for each other.
            for name in sorted(set(names)):
                self._change(sql.FREE_ENDED_LOCK, (name, run_id))
                self._change(sql.TAKE_LOCK, (name, run_id, to_iso(since)))
                for _, holder, held_since in self._query(sql.LOCK, (name,)):
                    if holder != run_id:
                        raise LockHeld(
                            name,
                            holder,
                            held_since,
                            mend=f"finish that run first: holdfast resume {holder}, or abort {holder}",
                        )

    def release_locks(self, run_id: str) -> None:
        """Let go of everything the run holds."""
        with self._lock:
            self._change(sql.RELEASE_LOCKS, (run_id,))

    def locks(self) -> Sequence[HeldLock]:
        """Every lock, by name."""
        with self._lock:
            return [HeldLock(*row) for row in self._query(sql.LOCKS)]

    def put_seal(self, seal: Seal) -> None:
        """Close the run. Raises Refused where it is sealed with another statement already."""
        self._commit(_Entry(sql.PUT_SEAL, (*astuple(seal), seal.run_id, seal.seq)))
        kept = self.seal_of(seal.run_id)
        if kept is None:
            raise Refused(f"run {seal.run_id} went on after record {seal.seq}; it is not sealed", mend="seal it again")
        if (kept.seq, kept.hash) != (seal.seq, seal.hash):
            raise Refused(f"run {seal.run_id} is sealed already, with other records", mend="holdfast verify shows them")

    def seal_of(self, run_id: str) -> Seal | None:
        """The run's seal, or None where it is not closed."""
        with self._lock:
            rows = self._query(sql.SEAL, (run_id,))
        return Seal(*rows[0]) if rows else None

    def _read(self, build: Callable[[Any], T], row: Any) -> T:
        try:
            return build(row)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreCorrupt(
                f"the journal {self.address} holds a row that can not be read ({error})",
                mend="keep the file as evidence and go on with another store",
            ) from error

    def _explain_refusal(self, record: Record) -> None:
        """Why a record could not go in; returns where it is there already (its commit was answered too
        late)."""
        there = self._query(sql.RECORD, (record.run_id, record.seq))
        if there and self._read(_to_record, there[0]) == record:
            return
        head = self.head(record.run_id)
        # One that was driven to its end and sealed by somebody else is lost to this driver like any other.
        if self.seal_of(record.run_id) is not None and head is not None and head.hash == record.prev:
            raise Refused(f"run {record.run_id} is closed and sealed; nothing can be added", mend="start a new run")
        if head is None or head.seq < record.seq - 1:
            raise StoreUnavailable(
                f"the journal {self.address} has lost records of run {record.run_id}: "
                f"record {record.seq} was to follow, it ends at {head.seq if head else 0}",
                mend="it was emptied or put back to an older state; find out by whom before importing to it",
            )
        raise DriverConflict(
            f"somebody else drives run {record.run_id}: {self._other_driver(record)}",
            mend="this driver stops here; watch the run with: holdfast status " + record.run_id,
        )

    def _other_driver(self, record: Record) -> str:
        for at, body in self._query(sql.LAST_CLAIM, (record.run_id, record.epoch)):
            claim = self._read(json.loads, body)
            return (
                f"pid {claim.get('pid', '?')} on {claim.get('host', '?')} "
                f"(epoch {claim.get('epoch', '?')}) claimed it at {at}"
            )
        rows = self._query(sql.RECORD, (record.run_id, record.seq))
        return f"epoch {rows[0][4]} wrote record {record.seq}" if rows else "the chain went on without this driver"


def _storable(word: str) -> str:
    # PostgreSQL takes neither NUL nor half characters in text; a person's words must not fail for them.
    return word.replace("\0", "").encode("utf-8", "backslashreplace").decode()


def _appended(record: Record) -> tuple[Any, ...]:
    return (*_fields(record), record.seq, record.run_id, record.seq - 1, record.prev, record.run_id)


def _fields(record: Record) -> tuple[Any, ...]:
    return (
        record.run_id, record.seq, record.at, record.mono, record.epoch, record.kind, record.body,
        record.prev, record.hash,
    )  # fmt: skip


def _to_record(row: Row) -> Record:
    texts = (row[0], row[2], *row[4:])
    if not (isinstance(row[1], int) and isinstance(row[3], float) and all(isinstance(t, str) for t in texts)):
        raise ValueError(f"record {row[1]} has a field of a wrong type")
    run_id, seq, at, mono, epoch, kind, *rest = row
    return Record(sys.intern(run_id), seq, at, mono, sys.intern(epoch), sys.intern(kind), *rest)


def _to_header(row: Row) -> RunHeader:
    return RunHeader(row[0], from_iso(row[1]), row[2], mode=row[4], system=row[3], header=json.loads(row[5]))


def _to_listing(row: Row) -> RunListing:
    run_id, created_at, runbook, system, mode, seq, kind, at, sealed = row
    return RunListing(
        run_id=run_id,
        created_at=from_iso(created_at),
        runbook=runbook,
        mode=mode,
        system=system,
        seq=seq or 0,
        last_kind=kind or "",
        last_at=from_iso(at) if at else None,
        sealed=bool(sealed),
    )


def _to_decision(row: Row) -> Decision:
    number, verb, step, by, account, why, given_at = row
    return Decision(number, verb, step, by, account, why, from_iso(given_at))


def ended(listing: RunListing) -> bool:
    """Whether nothing is driven in the run any more."""
    return listing.last_kind == EventKind.RUN_ENDED
