"""The memory of one run: redact, put in canonical form, chain, commit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.engine.ports import Clock, Decision
from orchestrator.errors import DriverConflict, EvidenceError, UsageError
from orchestrator.journal.canonical import canonical, plain
from orchestrator.journal.chain import GENESIS, Record, link, verify_chain
from orchestrator.journal.store import Head, RunHeader, Store, each_record
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.redaction import Redactor

CRASH_VARIABLE = "HOLDFAST_CRASH"
"""``before:7`` or ``after:7``: the process kills itself right before or after committing record 7. For tests
of resume."""


def read_events(store: Store, run_id: str) -> Sequence[Event]:
    """All events of a run, in order, its chain checked.

    Raises UsageError where there is no such run and EvidenceError naming the first bad record.
    """
    events: list[Event] = []
    _check(run_id, store, _noting(each_record(store, run_id), events))
    if not events:
        _refuse_unknown(store, run_id)
    return events


def check_chain(store: Store, run_id: str) -> None:
    """Read back a run's records and check their chain, in memory that does not grow with the run. Raises
    EvidenceError naming the first bad record."""
    _check(run_id, store, each_record(store, run_id))


def _check(run_id: str, store: Store, records: Iterable[Record]) -> None:
    try:
        bad = verify_chain(records, run_id=run_id)
    except ValueError as error:
        raise EvidenceError(
            f"the journal of run {run_id} in {store.address} holds an event that this version can not read ({error})",
            first_bad=f"run {run_id}",
            mend="use the holdfast version that wrote it",
        ) from error
    if bad is not None:
        raise EvidenceError(
            f"the journal of run {run_id} in {store.address} does not hold: {bad}",
            first_bad=f"record {bad.seq}",
            mend="keep the store as evidence; it must not be driven on",
        )


def _noting(records: Iterable[Record], events: list[Event]) -> Iterator[Record]:
    for record in records:
        yield record
        events.append(record.to_event())  # not before its place in the chain has been checked


def _refuse_unknown(store: Store, run_id: str) -> None:
    if store.run(run_id) is None:
        raise UsageError(f"there is no run {run_id} in {store.address}", mend="holdfast status lists the runs")


class JournalWriter:
    """The engine's journal port for one run, for one driver process (``epoch``) and one thread.

    Opening it checks everything there is; an append then costs one commit. What was written is not kept in memory:
    ``events`` reads it back. After a DriverConflict it refuses every further append.
    """

    def __init__(self, store: Store, run_id: str, clock: Clock, redactor: Redactor, epoch: str) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self._store = store
        self._clock = clock
        self._redactor = redactor
        head = store.head(run_id)
        if head is not None:
            check_chain(store, run_id)
            head = store.head(run_id)  # reading may have changed over to another store
        if head is None:
            _refuse_unknown(store, run_id)
        self._last = head or Head(0, GENESIS)
        self._conflict: DriverConflict | None = None
        self._crash = os.environ.get(CRASH_VARIABLE, "")

    @classmethod
    def begin(cls, store: Store, run: RunHeader, clock: Clock, redactor: Redactor, epoch: str) -> JournalWriter:
        """Enter a new run in the store and open its journal."""
        store.create_run(replace(run, header=redactor.value(plain(run.header))))
        return cls(store, run.run_id, clock, redactor, epoch)

    def append(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        """Redact, chain and commit one event. Raises DriverConflict when another driver wrote in between."""
        if self._conflict is not None:
            raise self._conflict
        seq = self._last.seq + 1
        record = link(
            self.run_id,
            seq,
            at=to_iso(self._clock.wall()),
            mono=round(self._clock.mono(), 6),
            epoch=self.epoch,
            kind=str(kind),
            body=canonical(self._redactor.value(plain(body))),
            prev=self._last.hash,
        )
        self._crash_point(f"before:{seq}")
        try:
            self._store.append(record)
        except DriverConflict as conflict:
            self._conflict = conflict
            raise
        self._crash_point(f"after:{seq}")
        self._last = Head(seq, record.hash)
        # The event is made from what was stored, so that a live driver sees exactly what a resumed one will.
        return record.to_event()

    def events(self) -> Sequence[Event]:
        """All events so far, in order, read back and checked."""
        return read_events(self._store, self.run_id)

    def _crash_point(self, point: str) -> None:
        if self._crash == point:
            os.kill(os.getpid(), signal.SIGKILL)


class StoreInbox:
    """The engine's inbox port for one run."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id

    def after(self, number: int) -> Sequence[Decision]:
        """Decisions with a higher number, in order."""
        return self._store.decisions(self._run_id, number)
