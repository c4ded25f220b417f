"""The runbook goes on when its journal can not: a store that changes over to a break-glass one.

A ``FailoverStore`` is used like any store. While the main store works it only passes calls on and remembers
what this process wrote and read. When the main store is missing, locked, read-only, full, gone or corrupt, it
opens a break-glass journal, writes down there everything it remembers of its runs, and goes on in the same
chain. ``import_runs`` brings the runs back later.

A DriverConflict is never failed over: it means that somebody else drives, and not that the store is broken.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from threading import Lock, RLock
from typing import TypeVar

from orchestrator.engine.ports import Decision
from orchestrator.errors import EvidenceError, StoreCorrupt, StoreError, StoreUnavailable
from orchestrator.journal.aside import put_aside
from orchestrator.journal.break_glass import Place, find_place
from orchestrator.journal.chain import Record
from orchestrator.journal.importing import put_run
from orchestrator.journal.opening import open_store
from orchestrator.journal.remembered import Remembered
from orchestrator.journal.store import NO_LIMIT, Head, HeldLock, RunHeader, RunListing, Seal, Store
from orchestrator.plain import dataclass

T = TypeVar("T")
Warn = Callable[[str], None]


@dataclass(slots=True)
class _Memory:
    """What must be known of a run to go on with it elsewhere."""

    run: RunHeader
    records: Remembered = field(default_factory=Remembered)
    locks: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Asked:
    """Whether a run's last record can be read back: who asks at the same moment is answered with one look."""

    run_id: str
    head: Head
    answered: bool = False
    problem: StoreError | None = None


class FailoverStore:
    """The store at ``address``, or a break-glass one from the moment that fails (at opening, or in mid-run).

    ``warn`` is called once, with a text for people, when that happens; it must not write to the journal.
    """

    def __init__(self, address: str | Path, warn: Warn, environment: Mapping[str, str] | None = None) -> None:
        self._warn = warn
        self._environment = os.environ if environment is None else environment
        self._memory: dict[str, _Memory] = {}
        self._lock = RLock()
        self._asking = Lock()
        self._asked: deque[_Asked] = deque()
        self._main = str(address)
        self.failed_over = False
        """Whether the break-glass store is in use."""
        self._closed = False
        self._main_store: Store | None = None
        self._store: Store
        try:
            self._main_store = self._store = open_store(address)
        except (StoreUnavailable, StoreCorrupt) as error:
            self._change_over(error)

    @property
    def address(self) -> str:
        """Where the store in use is."""
        return self._store.address

    def _do(self, call: Callable[[Store], T]) -> T:
        return self._done(call)[0]

    def _done(self, call: Callable[[Store], T]) -> tuple[T, Store]:
        """What the call answers, and the store that answered."""
        while True:
            store = self._store
            try:
                return call(store), store
            except (StoreUnavailable, StoreCorrupt) as error:
                with self._lock:
                    if self._store is store:  # else another run has changed over meanwhile
                        if self.failed_over or self._closed:
                            raise
                        self._change_over(error)

    def _write(self, call: Callable[[Store], None], remember: Callable[[], None]) -> None:
        """Write what may be written twice, and remember it. Not under the lock: runs that commit at the same moment
        share one sync of the store."""
        while True:
            store = self._done(call)[1]
            with self._lock:
                if self._store is store:
                    remember()
                    return
            # Another run has changed over in between, without this: it is not in the new store.

    def _change_over(self, error: StoreError) -> None:
        aside = ""
        if self._main_store is not None:
            self._main_store.close()
        if isinstance(error, StoreCorrupt):
            aside = " " + put_aside(self._main)
        try:
            place = find_place(self._environment)
            self._store = self._begin_in(place)
        except StoreError as second:
            raise StoreUnavailable(
                f"{error.message}; and no break-glass journal could be begun: {second.message}", mend=second.mend
            ) from second
        self.failed_over = True
        lost = " It is in memory only: bring it back before this machine is restarted." if place.volatile else ""
        self._warn(
            f"BREAK GLASS: {error.message}. The journal goes on in {self._store.address}.{lost}{aside} "
            "Bring it back later with: holdfast journal import"
        )

    def _begin_in(self, place: Place) -> Store:
        first, other = place.files()
        try:
            return self._begin(first)
        except (StoreError, EvidenceError):
            # What an earlier emergency left there is corrupt, or is another history of the same run. It is kept.
            return self._begin(other)

    def _begin(self, path: Path) -> Store:
        store = open_store(path)
        try:
            for memory in self._memory.values():
                put_run(store, memory.run, list(memory.records), self._main)
                for name, since in memory.locks.items():
                    store.take_locks(memory.run.run_id, [name], since)
        except BaseException:
            store.close()
            raise
        return store

    def create_run(self, run: RunHeader) -> None:
        """See ``Store``."""
        self._write(lambda store: store.create_run(run), lambda: self._know(run))

    def _know(self, run: RunHeader) -> None:
        self._memory.setdefault(run.run_id, _Memory(run))

    def run(self, run_id: str) -> RunHeader | None:
        """See ``Store``."""
        found = self._do(lambda store: store.run(run_id))
        if found is not None:
            with self._lock:
                self._know(found)
        return found

    def runs(self, limit: int = 1000) -> Sequence[RunListing]:
        """See ``Store``."""
        return self._do(lambda store: store.runs(limit))

    def append(self, record: Record) -> None:
        """See ``Store``."""
        self._write(lambda store: store.append(record), lambda: self._remember([record]))

    def extend(self, records: Sequence[Record]) -> None:
        """See ``Store``."""
        with self._lock:
            self._do(lambda store: store.extend(records))
            self._remember(records)

    def records(self, run_id: str, after: int = 0, limit: int = NO_LIMIT) -> Sequence[Record]:
        """See ``Store``."""
        while True:
            found, store = self._done(lambda store: store.records(run_id, after, limit))
            with self._lock:
                if self._store is not store:
                    continue  # another run has changed over in between: they must be in the new store too
                if found and run_id not in self._memory:
                    self.run(run_id)
                self._remember(found)
                return found

    def _remember(self, records: Sequence[Record]) -> None:
        for record in records:
            memory = self._memory.get(record.run_id)
            if memory is not None and record.seq == memory.records.count + 1:
                memory.records.add(record)

    def head(self, run_id: str) -> Head | None:
        """See ``Store``."""
        return self._do(lambda store: store.head(run_id))

    def give(
        self, run_id: str, *, verb: str, step: str, by: str, account: str, why: str, given_at: datetime
    ) -> Decision:
        """See ``Store``."""
        return self._do(
            lambda store: store.give(run_id, verb=verb, step=step, by=by, account=account, why=why, given_at=given_at)
        )

    def decisions(self, run_id: str, after: int = 0) -> Sequence[Decision]:
        """See ``Store``."""
        return self._do(lambda store: store.decisions(run_id, after))

    def take_locks(self, run_id: str, names: Sequence[str], since: datetime) -> None:
        """See ``Store``."""
        with self._lock:
            self._do(lambda store: store.take_locks(run_id, names, since))
            if run_id not in self._memory:
                self.run(run_id)
            if run_id in self._memory:
                self._memory[run_id].locks.update(dict.fromkeys(names, since))

    def release_locks(self, run_id: str) -> None:
        """See ``Store``."""
        with self._lock:
            self._do(lambda store: store.release_locks(run_id))
            if run_id in self._memory:
                self._memory[run_id].locks.clear()

    def locks(self) -> Sequence[HeldLock]:
        """See ``Store``."""
        return self._do(lambda store: store.locks())

    def put_seal(self, seal: Seal) -> None:
        """See ``Store``."""
        self._write(lambda store: store.put_seal(seal), lambda: None)

    def seal_of(self, run_id: str) -> Seal | None:
        """See ``Store``."""
        return self._do(lambda store: store.seal_of(run_id))

    def make_sure(self, run_id: str) -> None:
        """See that what was written of a run can be read back by somebody else; else it goes to a break-glass journal.

        A file that was damaged under an open connection is not noticed by it: it answers from what it remembers.
        """
        with self._lock:
            memory = self._memory.get(run_id)
            last = memory.records.last if memory is not None else None
        if last is None or self.failed_over:
            return
        asked = _Asked(run_id, Head(last.seq, last.hash))
        self._asked.append(asked)
        with self._asking:
            if not asked.answered:  # else whoever asked before has asked for this run too
                self._ask()
        if asked.problem is not None:
            with self._lock:
                if not self.failed_over:
                    self._change_over(asked.problem)

    def _ask(self) -> None:
        waiting: list[_Asked] = []
        while self._asked:
            waiting.append(self._asked.popleft())
        problem: StoreError | None = None
        try:
            reader = open_store(self._main, read_only=True)
            try:
                for asked in waiting:
                    if reader.head(asked.run_id) != asked.head:
                        asked.problem = StoreCorrupt(f"the journal {self._main} has lost what was written to it")
            finally:
                reader.close()
        except (StoreUnavailable, StoreCorrupt) as error:
            problem = error
        for asked in waiting:
            asked.problem, asked.answered = asked.problem or problem, True

    def knows(self, run_id: str) -> bool:
        """Whether this process has written or read the run here."""
        return run_id in self._memory

    def close(self) -> None:
        """See ``Store``."""
        self._closed = True
        self._store.close()
