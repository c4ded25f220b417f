"""The writer, over a store in memory."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.errors import EvidenceError
from orchestrator.journal.sqlite_store import MEMORY, SqliteStore
from orchestrator.journal.store import RunHeader
from orchestrator.journal.writer import JournalWriter
from orchestrator.model.event import EventKind
from orchestrator.model.redaction import Redactor


class StillClock:
    def wall(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC)

    def mono(self) -> float:
        return 12.3456789


def begin(redactor: Redactor | None = None) -> tuple[SqliteStore, JournalWriter]:
    store = SqliteStore(MEMORY)
    run = RunHeader("r1", datetime(2026, 5, 1, tzinfo=UTC), "takeover", "drill")
    return store, JournalWriter.begin(store, run, StillClock(), redactor or Redactor(), "e1")


def test_the_event_answered_is_the_one_that_reads_back() -> None:
    store, writer = begin()
    event = writer.append(EventKind.STEP_ENDED, {"step": "lag", "unmet": ("a",), 7: None})
    assert (event.seq, event.mono, event.epoch) == (1, 12.345679, "e1")
    assert event.body == {"step": "lag", "unmet": ["a"], "7": None}
    assert [record.to_event() for record in store.records("r1")] == [event]


def test_a_secret_is_out_before_it_is_hashed() -> None:
    store, writer = begin(Redactor(["hunter2hunter2", "20260501"]))
    writer.append(
        EventKind.WARNING, {"text": "pw=hunter2hunter2", "hunter2hunter2": ["aHVudGVyMmh1bnRlcjI="], "pin": 20260501}
    )
    (record,) = store.records("r1")
    assert "hunter2" not in record.body
    assert "aHVudGVyMmh1" not in record.body
    assert "20260501" not in record.body


def test_a_journal_that_was_tampered_with_is_not_driven_on() -> None:
    store, writer = begin()
    for _ in range(3):
        writer.append(EventKind.WARNING, {"text": "x"})
    connection = store._connection
    assert connection is not None
    connection.execute("DROP TRIGGER event_no_update")
    connection.execute("UPDATE event SET body = '{}' WHERE seq = 2")
    with pytest.raises(EvidenceError, match="record 2 was changed") as caught:
        JournalWriter(store, "r1", StillClock(), Redactor(), "e2")
    assert caught.value.first_bad == "record 2"
