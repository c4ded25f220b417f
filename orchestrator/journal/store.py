"""The store port: what the journal asks of a database. Two implementations share their SQL
(``sql_store``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from orchestrator.engine.ports import Decision
from orchestrator.journal.chain import Record
from orchestrator.plain import dataclass

NO_LIMIT = 2**62
"""All there are."""

PAGE = 500
"""Records that are held at a time where all of a run's are looked through."""


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run is, for listings. The whole plan is in its first event."""

    run_id: str
    created_at: datetime
    runbook: str
    mode: str
    system: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunListing:
    """One line of the run list. ``seq`` is 0, and the last event empty, where nothing was journaled yet."""

    run_id: str
    created_at: datetime
    runbook: str
    mode: str
    system: str
    seq: int
    last_kind: str
    last_at: datetime | None
    sealed: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a run."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A target held by a run, from the run's start until it has ended."""

    name: str
    run_id: str
    since: str


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed closing of a run: ``seq`` records, the last with ``hash``.

    ``signature`` is an armored SSH signature of the seal's statement and ``key`` the signer's public key
    line.
    """

    run_id: str
    seq: int
    hash: str
    signature: str
    key: str


class Store(Protocol):
    """Durable memory of runs. Every method raises StoreUnavailable or StoreCorrupt where the database fails.

    A method that changes something has made it durable when it returns.
    """

    @property
    def address(self) -> str:
        """Where it is, for people; never with a password."""

    def create_run(self, run: RunHeader) -> None:
        """Enter a run. Does nothing where it is there already."""

    def run(self, run_id: str) -> RunHeader | None:
        """The run's header, or None where there is no such run."""

    def runs(self, limit: int = 1000) -> Sequence[RunListing]:
        """The newest runs, newest first."""

    def append(self, record: Record) -> None:
        """Commit one record. Raises DriverConflict where the chain has gone on without this writer, and
        Refused where the run is sealed. Appending the same record twice is done once."""

    def extend(self, records: Sequence[Record]) -> None:
        """Commit records that follow each other, all or none."""

    def records(self, run_id: str, after: int = 0, limit: int = NO_LIMIT) -> Sequence[Record]:
        """The run's records with a higher ``seq`` than ``after``, in order; at most ``limit``."""

    def head(self, run_id: str) -> Head | None:
        """The run's last record, or None where it has none."""

    def give(
        self, run_id: str, *, verb: str, step: str, by: str, account: str, why: str, given_at: datetime
    ) -> Decision:
        """Put a person's decision in the run's inbox."""

    def decisions(self, run_id: str, after: int = 0) -> Sequence[Decision]:
        """Decisions with a higher number, in order."""

    def take_locks(self, run_id: str, names: Sequence[str], since: datetime) -> None:
        """Hold all of ``names`` for the run, or none: raises LockHeld. Holding one's own again is no
        conflict. A lock of a run that has ended counts as free."""

    def release_locks(self, run_id: str) -> None:
        """Let go of everything the run holds."""

    def locks(self) -> Sequence[HeldLock]:
        """Every lock, by name."""

    def put_seal(self, seal: Seal) -> None:
        """Close the run. Raises Refused where it is sealed with another statement already."""

    def seal_of(self, run_id: str) -> Seal | None:
        """The run's seal, or None where it is not closed."""

    def close(self) -> None:
        """Let go of the database. May be called twice."""


def each_record(store: Store, run_id: str, after: int = 0) -> Iterator[Record]:
    """The run's records one after another, in memory that does not grow with the run."""
    while page := store.records(run_id, after, PAGE):
        yield from page
        after = page[-1].seq
