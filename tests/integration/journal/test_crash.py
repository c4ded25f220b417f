"""Killed at any moment: nothing that was acknowledged is lost, and the chain holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.journal.chain import verify_chain
from orchestrator.journal.opening import open_store

WRITER = """
import sys
from datetime import UTC, datetime
from time import monotonic
from orchestrator.journal.opening import open_store
from orchestrator.journal.store import RunHeader
from orchestrator.journal.writer import JournalWriter
from orchestrator.model.event import EventKind
from orchestrator.model.redaction import Redactor

class Clock:
    def wall(self):
        return datetime.now(UTC)
    def mono(self):
        return monotonic()

store = open_store(sys.argv[1])
run = RunHeader("r1", datetime.now(UTC), "takeover", "drill")
writer = JournalWriter.begin(store, run, Clock(), Redactor(), sys.argv[2])
for _ in range(int(sys.argv[3])):
    print(writer.append(EventKind.WARNING, {"text": "x" * 200}).seq, flush=True)
"""


def write(address: str, epoch: str, count: int, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, address, epoch, str(count)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def test_thirty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    address = str(tmp_path / "journal.sqlite3")
    chance = random.Random(7)
    acknowledged = 0
    for number in range(30):
        process = write(address, f"e{number}", 1_000_000)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert int(first) > acknowledged, "the new driver goes on behind the last one"
        some = [process.stdout.readline() for _ in range(chance.randrange(8))]
        time.sleep(chance.uniform(0, 0.005))  # the moment of death; nothing is waited for
        process.kill()
        lines = [first, *some, *process.communicate()[0].splitlines(keepends=True)]
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
        store = open_store(address)
        records = store.records("r1")
        store.close()
        assert len(records) >= acknowledged
        assert verify_chain(records, run_id="r1") is None
        acknowledged = len(records)
    assert acknowledged > 100


@pytest.mark.parametrize(("point", "kept"), [("before:3", 2), ("after:3", 3)])
def test_a_crash_point_kills_right_before_or_after_the_commit(address: str, point: str, kept: int) -> None:
    process = write(address, "e1", 5, HOLDFAST_CRASH=point)
    told, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert told.split() == ["1", "2"]
    store = open_store(address)
    assert len(store.records("r1")) == kept
    store.close()


def test_two_drivers_at_once_leave_one_chain(address: str) -> None:
    drivers = [write(address, f"e{number}", 200) for number in range(2)]
    told = [process.communicate()[0].split() for process in drivers]
    store = open_store(address)
    records = store.records("r1")
    store.close()
    assert verify_chain(records, run_id="r1") is None
    # What each was told is there, and was written by it alone.
    by_epoch = [{str(record.seq) for record in records if record.epoch == f"e{number}"} for number in range(2)]
    assert all(set(seqs) <= by_epoch[number] for number, seqs in enumerate(told))
    assert len(records) == sum(map(len, told))


def test_many_processes_may_make_the_same_store_at_once(address: str) -> None:
    script = "import sys; from orchestrator.journal.opening import open_store; open_store(sys.argv[1]).runs()"
    openers = [subprocess.Popen([sys.executable, "-c", script, address]) for _ in range(8)]
    assert [opener.wait() for opener in openers] == [0] * 8
