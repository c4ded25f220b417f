"""What both stores promise alike."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.errors import DriverConflict, LockHeld, Refused, StoreUnavailable, UsageError
from orchestrator.journal.chain import GENESIS, Record, link, verify_chain
from orchestrator.journal.opening import open_store
from orchestrator.journal.store import Head, RunHeader, Seal, Store
from orchestrator.journal.writer import JournalWriter, StoreInbox
from orchestrator.model.event import EventKind
from orchestrator.model.redaction import Redactor

NOW = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)


def header(run_id: str = "r1", at: datetime = NOW) -> RunHeader:
    return RunHeader(run_id, at, "standby-takeover", "drill", "orders", {"by": "li"})


def chain(count: int, run_id: str = "r1", epoch: str = "e1", after: Record | None = None) -> list[Record]:
    found: list[Record] = []
    last = after
    for _ in range(count):
        last = link(
            run_id, last.seq + 1 if last else 1, at="2026-05-01T02:30:00.000000Z", mono=1 / 3, epoch=epoch,
            kind="warning", body='{"text":"备机"}', prev=last.hash if last else GENESIS,
        )  # fmt: skip
        found.append(last)
    return found


@contextmanager
def raw(address: str) -> Iterator[Any]:
    """The database itself, behind the store's back."""
    if address.startswith("postgresql"):
        import psycopg

        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SET search_path = holdfast")
            yield connection
    else:
        connection = sqlite3.connect(address, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()


def test_records_come_back_exactly_as_they_were_written(store: Store) -> None:
    store.create_run(header())
    records = chain(5)
    store.append(records[0])
    store.extend(records[1:])
    assert store.records("r1") == records
    assert store.records("r1", after=3) == records[3:]
    assert verify_chain(store.records("r1")) is None
    head = store.head("r1")
    assert head is not None
    assert (head.seq, head.hash) == (5, records[4].hash)
    assert store.head("r2") is None


def test_a_second_opening_finds_everything(store: Store, address: str) -> None:
    store.create_run(header())
    store.extend(chain(3))
    other = open_store(address)
    try:
        assert other.run("r1") == header()
        assert len(other.records("r1")) == 3
    finally:
        other.close()


def test_the_list_names_the_newest_run_first_with_its_last_event(store: Store) -> None:
    store.create_run(header("old"))
    store.create_run(header("new", NOW + timedelta(hours=1)))
    store.create_run(header("new", NOW))  # entering it again changes nothing
    store.extend(chain(2, "old"))
    new, old = store.runs()
    assert (new.run_id, new.seq, new.last_kind, new.last_at, new.sealed) == ("new", 0, "", None, False)
    assert (old.run_id, old.seq, old.last_kind, old.last_at, old.mode) == ("old", 2, "warning", NOW, "drill")
    assert [run.run_id for run in store.runs(limit=1)] == ["new"]


def test_appending_the_same_record_twice_is_done_once(store: Store) -> None:
    records = chain(2)
    for record in (*records, records[1]):
        store.append(record)
    store.extend(records)
    assert store.records("r1") == records


def test_the_second_driver_that_writes_the_same_number_is_stopped_and_told_who_drives(store: Store) -> None:
    first = chain(1)[0]
    store.append(first)
    claim = link(
        "r1", 2, at="2026-05-01T02:31:00.000000Z", mono=2.0, epoch="e2", kind="driver.claimed",
        body='{"epoch":"e2","host":"ops2","pid":4711}', prev=first.hash,
    )  # fmt: skip
    store.append(claim)
    for late in (chain(1, after=first)[0], chain(2, after=first)[1]):
        with pytest.raises(DriverConflict, match=r"pid 4711 on ops2 \(epoch e2\)"):
            store.append(late)
    with pytest.raises(DriverConflict, match="pid 4711"):
        store.extend(chain(2, after=first))
    assert store.records("r1") == [first, claim]


def test_a_gap_is_refused_as_records_that_were_lost(store: Store) -> None:
    records = chain(3)
    store.append(records[0])
    with pytest.raises(StoreUnavailable, match="has lost records of run r1: record 3 was to follow, it ends at 1"):
        store.append(records[2])


def test_extend_is_all_or_nothing(store: Store) -> None:
    records = chain(3)
    with pytest.raises(StoreUnavailable):
        store.extend([records[0], records[2]])
    assert store.records("r1") == []


@pytest.mark.parametrize("table", ["run", "event", "seal"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET run_id = 'x'"])
def test_what_was_written_can_not_be_changed_or_deleted(store: Store, address: str, table: str, verb: str) -> None:
    store.create_run(header())
    records = chain(1)
    store.extend(records)
    store.put_seal(Seal("r1", 1, records[0].hash, "sig", "key"))
    with raw(address) as connection, pytest.raises(Exception, match="append-only"):
        connection.execute(verb.format(table))
    assert store.records("r1") == records


def test_decisions_wait_in_order_and_are_numbered_for_each_run(store: Store) -> None:
    given: dict[str, Any] = {"by": "li", "account": "li@ops1", "given_at": NOW}
    store.give("r2", verb="abort", step="", why="", **given)
    one = store.give("r1", verb="approve", step="promote", why="看过了\0", **given)
    two = store.give("r1", verb="skip", step="tell", why="phone \udcff dead", **given)
    inbox = StoreInbox(store, "r1")
    assert inbox.after(0) == [one, two]
    assert inbox.after(one.number) == [two]
    assert (two.number - one.number, one.why, one.given_at) == (1, "看过了", NOW)


def test_locks_are_taken_all_or_none_and_name_the_holder(store: Store) -> None:
    store.take_locks("r1", ["cluster/b"], NOW)
    with pytest.raises(LockHeld, match=r"cluster/b is held by run r1 since 2026-05-01T02:30:00\.000000Z") as caught:
        store.take_locks("r2", ["cluster/c", "cluster/b", "cluster/a"], NOW)
    assert "holdfast resume r1" in caught.value.mend
    assert [lock.name for lock in store.locks()] == ["cluster/b"]
    store.take_locks("r1", ["cluster/b", "cluster/a"], NOW + timedelta(hours=1))  # its own again
    assert [(lock.name, lock.run_id) for lock in store.locks()] == [("cluster/a", "r1"), ("cluster/b", "r1")]
    store.release_locks("r1")
    store.take_locks("r2", ["cluster/a", "cluster/b"], NOW)


def test_a_lock_of_a_run_that_has_ended_is_free(store: Store) -> None:
    store.take_locks("r1", ["cluster/a"], NOW)
    first = chain(1)[0]
    end = link(
        "r1", 2, at="2026-05-01T02:31:00.000000Z", mono=2.0, epoch="e1", kind="run.ended", body="{}", prev=first.hash
    )
    store.extend([first, end])
    store.take_locks("r2", ["cluster/a"], NOW)
    assert [lock.run_id for lock in store.locks()] == ["r2"]


def test_nothing_is_added_to_a_sealed_run_and_it_is_sealed_once(store: Store) -> None:
    store.create_run(header())
    records = chain(3)
    store.extend(records[:2])
    seal = Seal("r1", 2, records[1].hash, "sig", "key")
    store.put_seal(seal)
    store.put_seal(seal)
    assert store.seal_of("r1") == seal
    with pytest.raises(Refused, match="sealed already"):
        store.put_seal(replace(seal, seq=1))
    with pytest.raises(Refused, match="closed and sealed"):
        store.append(records[2])
    assert store.runs()[0].sealed


def test_a_schema_of_another_version_is_refused(store: Store, address: str) -> None:
    store.close()
    with raw(address) as connection:
        connection.execute("UPDATE meta SET value = '99'")
    with pytest.raises(StoreUnavailable, match="schema version 99"):
        open_store(address)


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="was closed"):
        store.runs()


def test_a_writer_chains_redacts_and_reads_back(store: Store, clock: Any) -> None:
    redactor = Redactor(["s3cret-word"])
    run = RunHeader("r1", NOW, "takeover", "live", header={"by": "s3cret-word"})
    writer = JournalWriter.begin(store, run, clock, redactor, "e1")
    writer.append(EventKind.DRIVER_CLAIMED, {"epoch": "e1", "pid": 1, "host": "ops1"})
    event = writer.append(EventKind.WARNING, {"text": "uses s3cret-word", "n": float("nan"), "t": (1, 2)})
    assert event.body == {"text": "uses [redacted]", "n": "nan", "t": [1, 2]}
    assert event.seq == 2
    again = JournalWriter(store, "r1", clock, redactor, "e2")
    assert again.events() == writer.events()
    assert verify_chain(store.records("r1"), run_id="r1", count=2) is None
    kept = store.run("r1")
    assert kept is not None
    assert kept.header == {"by": "[redacted]"}


def test_a_driver_that_lost_its_run_writes_nothing_more(store: Store, clock: Any) -> None:
    old = JournalWriter.begin(store, header(), clock, Redactor(), "e1")
    old.append(EventKind.DRIVER_CLAIMED, {"epoch": "e1", "pid": 1, "host": "ops1"})
    new = JournalWriter(store, "r1", clock, Redactor(), "e2")
    new.append(EventKind.DRIVER_CLAIMED, {"epoch": "e2", "pid": 2, "host": "ops2"})
    for _ in range(2):
        with pytest.raises(DriverConflict, match="pid 2 on ops2"):
            old.append(EventKind.WARNING, {"text": "zombie"})
    assert len(store.records("r1")) == 2


def test_a_run_that_is_not_there_is_a_usage_error(store: Store, clock: Any) -> None:
    with pytest.raises(UsageError, match="there is no run r9"):
        JournalWriter(store, "r9", clock, Redactor(), "e1")


def test_records_that_many_threads_bring_at_once_are_each_committed_when_they_are_answered(
    store: Store, address: str
) -> None:
    together = threading.Barrier(12)

    def drive(number: int) -> int:
        run_id, seen = f"r{number}", 0
        store.create_run(header(run_id))
        reader = open_store(address, read_only=True)
        try:
            together.wait(timeout=60)
            for record in chain(10, run_id):
                store.append(record)
                seen += reader.head(run_id) == Head(record.seq, record.hash)
        finally:
            reader.close()
        return seen

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(drive, range(12))) == [10] * 12


def test_a_record_that_is_refused_does_not_keep_out_those_that_came_with_it(store: Store) -> None:
    together = threading.Barrier(8)
    for number in range(8):
        store.create_run(header(f"r{number}"))

    def lost(number: int) -> str:
        record = chain(7, f"r{number}")[-1]
        together.wait(timeout=60)
        with pytest.raises(StoreUnavailable) as caught:
            store.append(record)
        return caught.value.message

    def kept() -> bool:
        record = chain(1, "r7")[0]
        together.wait(timeout=60)
        store.append(record)
        return store.head("r7") == Head(1, record.hash)

    with ThreadPoolExecutor(8) as pool:
        good = pool.submit(kept)
        bad = [pool.submit(lost, number) for number in range(7)]
        assert good.result()
        for number, answer in enumerate(bad):
            assert f"has lost records of run r{number}" in answer.result()
