"""Bring runs from one store into another: a break-glass journal back into the main one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from orchestrator.engine.ports import Decision
from orchestrator.errors import EvidenceError, LockHeld, StoreError, UsageError
from orchestrator.journal.break_glass import existing_files
from orchestrator.journal.chain import Record, verify_chain
from orchestrator.journal.opening import open_store
from orchestrator.journal.store import Head, RunHeader, Store
from orchestrator.model.event import EventKind, from_iso
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: records added by run (0 where all were there already), and what a person should
    know."""

    added: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def import_runs(from_store: Store, to_store: Store) -> ImportReport:
    """Bring every run of ``from_store`` into ``to_store``: what is missing behind its head there is added.

    May be repeated. A run whose history differs in the two stores (a fork) is left as it is in both, the
    other runs are brought over all the same, and EvidenceError names the first record that differs.
    ``from_store`` is not changed.
    """
    added: dict[str, int] = {}
    warnings: list[str] = []
    forks: list[EvidenceError] = []
    for listing in reversed(from_store.runs(limit=1_000_000)):  # oldest first
        try:
            added[listing.run_id] = import_run(from_store, to_store, listing.run_id, warnings)
        except EvidenceError as error:
            forks.append(error)
    if forks:
        raise EvidenceError(
            "\n".join(error.message for error in forks), first_bad=forks[0].first_bad, mend=forks[0].mend
        )
    return ImportReport(added, tuple(warnings))


def import_run(from_store: Store, to_store: Store, run_id: str, warnings: list[str]) -> int:
    """Bring one run over; how many records were added. Raises EvidenceError for a fork or a chain that does
    not hold."""
    run = from_store.run(run_id)
    if run is None:
        raise UsageError(f"there is no run {run_id} in {from_store.address}", mend="holdfast status lists the runs")
    ours, theirs = from_store.head(run_id), to_store.head(run_id)
    if ours is not None and ours == theirs and to_store.seal_of(run_id) is not None:
        return 0  # all there: an import may be repeated at every start
    records = from_store.records(run_id)
    bad = verify_chain(records, run_id=run_id)
    if bad is not None:
        raise EvidenceError(
            f"run {run_id} in {from_store.address} does not hold: {bad}", first_bad=f"record {bad.seq}",
            mend="keep that store as evidence; it is not imported",
        )  # fmt: skip
    added = put_run(to_store, run, records, from_store.address)
    known = {_sense(decision) for decision in to_store.decisions(run_id)}
    for decision in from_store.decisions(run_id):
        if _sense(decision) not in known:
            to_store.give(
                run_id, verb=decision.verb, step=decision.step, by=decision.by, account=decision.account,
                why=decision.why, given_at=decision.given_at,
            )  # fmt: skip
    _bring_locks(from_store, to_store, run_id, records, warnings)
    seal = from_store.seal_of(run_id)
    if seal is not None:
        to_store.put_seal(seal)
    return added


def put_run(store: Store, run: RunHeader, records: Sequence[Record], origin: str) -> int:
    """Enter a run and those of its ``records`` that ``store`` does not have yet; how many. Raises
    EvidenceError where the store has other ones. Where the store has more, they must follow from these."""
    head = store.head(run.run_id)
    if head is not None:
        _refuse_fork(store, run.run_id, records, head, origin)
    store.create_run(run)
    new = [record for record in records if record.seq > (head.seq if head else 0)]
    store.extend(new)
    return len(new)


def _refuse_fork(store: Store, run_id: str, records: Sequence[Record], head: Head, origin: str) -> None:
    if head.seq <= len(records) and records[head.seq - 1].hash == head.hash:
        return  # the head's hash vouches for everything before it
    for ours, theirs in zip(records, store.records(run_id), strict=False):
        if ours != theirs:
            raise EvidenceError(
                f"run {run_id} went on in two places: record {ours.seq} in {origin} (epoch {ours.epoch}, {ours.at}) "
                f"is not the one in {store.address} (epoch {theirs.epoch}, {theirs.at})",
                first_bad=f"record {ours.seq}",
                mend="two drivers were at work; keep both stores and find out what each did from that record on",
            )


def _bring_locks(
    from_store: Store, to_store: Store, run_id: str, records: Sequence[Record], warnings: list[str]
) -> None:
    if records and records[-1].kind == EventKind.RUN_ENDED:
        to_store.release_locks(run_id)
        return
    for lock in from_store.locks():
        if lock.run_id == run_id:
            try:
                to_store.take_locks(run_id, [lock.name], from_iso(lock.since))
            except LockHeld as held:
                warnings.append(f"run {run_id} has not ended and held {lock.name}; meanwhile {held.message}")


def _sense(decision: Decision) -> tuple[str, str, str, str, datetime]:
    """A decision without its number, which each store gives anew."""
    return decision.verb, decision.step, decision.by, decision.account, decision.given_at


def break_glass_stores(environment: Mapping[str, str] | None = None) -> list[Store]:
    """Every break-glass journal on this machine that can be opened. The caller closes them."""
    found: list[Store] = []
    for path in existing_files(os.environ if environment is None else environment):
        try:
            found.append(open_store(path))
        except StoreError:
            continue  # one that can not be opened has nothing to offer; opening it by name says why
    return found


def bring_back(main: Store, environment: Mapping[str, str] | None = None) -> ImportReport:
    """Import every break-glass journal of this machine into ``main``. To be called before a run is begun or resumed:
    what was journaled in an emergency must be there before anything follows it. Costs next to nothing where there is
    none.

    Raises EvidenceError for a run that went on in two places; the other runs are brought over all the same.
    """
    added: dict[str, int] = {}
    warnings: list[str] = []
    forks: list[EvidenceError] = []
    for store in break_glass_stores(environment):
        try:
            if store.address != main.address:
                report = import_runs(store, main)
                added.update({run_id: count for run_id, count in report.added.items() if count})
                warnings += report.warnings
        except EvidenceError as fork:
            forks.append(fork)
        finally:
            store.close()
    if forks:
        raise forks[0]
    return ImportReport(added, tuple(warnings))


def store_that_has(run_id: str, main: Store, others: Sequence[Store]) -> Store:
    """The store in which ``run_id`` has gone furthest: where a decision must be put, and what a resume must
    read."""
    best, furthest = main, -1
    for store in (main, *others):
        try:
            head = store.head(run_id)
        except StoreError:
            continue  # a store that can not be read has nothing to offer
        seq = head.seq if head else -1
        if seq > furthest:
            best, furthest = store, seq
    return best
