"""Changes that are committed together: what is wrong with one of them is that one's alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import pytest

from orchestrator.journal.chain import GENESIS, Record, link
from orchestrator.journal.sqlite_store import SqliteStore
from orchestrator.journal.store import RunHeader

T = TypeVar("T")

PATIENCE = 20.0
NOW = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
RUNS = [f"r{number}" for number in range(4)]


def first_record(run_id: str, seq: int = 1) -> Record:
    return link(run_id, seq, at="t", mono=1.0, epoch="e", kind="run.created", body="{}", prev=GENESIS)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    store = SqliteStore(":memory:")
    for run_id in RUNS:
        store.create_run(RunHeader(run_id, NOW, "steps", "drill"))
    yield store
    store.close()


def at_once(store: SqliteStore, *calls: Callable[[], T]) -> list[Future[T]]:
    """Make all calls so that they wait for the store together; answers what each came to."""
    with ThreadPoolExecutor(len(calls)) as pool:
        with store._lock:
            answers = [pool.submit(calls[0])]
            while store._together._turns or not store._together._led:  # the first one leads and waits for the store
                assert not answers[0].done()
            for number, call in enumerate(calls[1:], 1):
                answers.append(pool.submit(call))
                while len(store._together._turns) < number:  # the others wait for it
                    assert not answers[-1].done()
        wait(answers, PATIENCE)
        return answers


def appended_at_once(store: SqliteStore, *records: Record) -> list[BaseException | None]:
    answers = at_once(store, *(partial(store.append, record) for record in records))
    return [answer.exception(0) for answer in answers]


def test_all_that_wait_are_committed(store: SqliteStore) -> None:
    assert appended_at_once(store, *map(first_record, RUNS)) == [None] * len(RUNS)
    assert all(store.head(run_id) is not None for run_id in RUNS)


def test_one_that_the_database_cannot_take_fails_alone_and_is_not_tried_again(store: SqliteStore) -> None:
    first, second, odd, last = RUNS
    told = appended_at_once(
        store, first_record(first), first_record(second), first_record(odd, 2**70), first_record(last)
    )
    assert [type(error) for error in told] == [type(None), type(None), OverflowError, type(None)]
    store.append(link(first, 2, at="t", mono=2.0, epoch="e", kind="warning", body="{}", prev=first_record(first).hash))
    assert [store.head(run_id) is not None for run_id in RUNS] == [True, True, False, True]


def test_each_run_is_told_its_own_decisions_when_many_ask_at_once(store: SqliteStore) -> None:
    numbers = {}
    for run_id in RUNS[:2]:
        given = [
            store.give(run_id, verb=verb, step="", by="anna", account="anna@here", why=run_id, given_at=NOW)
            for verb in ("abort", "rollback")
        ]
        numbers[run_id] = [one.number for one in given]

    def ask(run_id: str) -> list[tuple[str, str]]:
        after = numbers[run_id][0] if run_id == RUNS[1] else 0
        return [(one.verb, one.why) for one in store.decisions(run_id, after)]

    answers = [answer.result(0) for answer in at_once(store, *(partial(ask, run_id) for run_id in RUNS))]
    assert answers == [[("abort", "r0"), ("rollback", "r0")], [("rollback", "r1")], [], []]
