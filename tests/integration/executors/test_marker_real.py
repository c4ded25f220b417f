"""RPO markers on real PostgreSQL: counted exactly, through a real crash, in both set-ups."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import DRIVER, Reins, alive, driver_env, free_port, inventory_of, until
from postgres_kit import PASSWORD, Postgres, binaries, servers

from orchestrator.executors.contract import Wish
from orchestrator.executors.marker import MarkerExecutor
from orchestrator.executors.marker_files import MarkerFiles
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome

START = {"start": {"target": "primary", "every": "20ms"}}


@pytest.fixture
def files(run_dir: Path) -> Iterator[MarkerFiles]:
    """The run's markers; whatever writer is left at the end of a test is ended."""
    found = MarkerFiles(run_dir / "markers")
    yield found
    if found.writer.exists():
        pid = json.loads(found.writer.read_text())["pid"]
        if alive(pid):
            os.kill(pid, signal.SIGTERM)
            until(lambda: not alive(pid), what="the writer ended")


@pytest.fixture
def executor(postgres: Postgres) -> MarkerExecutor:
    return MarkerExecutor(inventory_of(postgres.host("primary")))


@pytest.fixture
def act(make_job: Callable[..., Job], files: MarkerFiles) -> Callable[..., Outcome]:
    numbers = iter(range(1000))

    def do(executor: MarkerExecutor, spec: dict[str, Any], reins: Reins | None = None) -> Outcome:
        return executor.run(make_job("marker", spec, step=f"m{next(numbers)}"), reins or Reins())

    return do


def writers(files: MarkerFiles) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(files.directory).encode() in words and alive(int(path.parent.name)):
            found.append(int(path.parent.name))
    return found


def grown(files: MarkerFiles, by: int = 5) -> None:
    before = len(files.written())
    until(lambda: len(files.written()) >= before + by, what="more markers")


def test_nothing_lost_is_counted_as_nothing_lost(
    executor: MarkerExecutor, act: Callable[..., Outcome], files: MarkerFiles, postgres: Postgres, make_job: Any
) -> None:
    started = act(executor, START)
    assert started.ok, started
    grown(files)
    assert act(executor, {"stop": True}).ok
    until(lambda: writers(files) == [], what="the writer ended")
    outcome = act(executor, {"measure": {"target": "primary"}})
    assert outcome.ok
    output = dict(outcome.output)
    rows = postgres.sql(f"select count(*) from holdfast_marker where run_id = '{make_job('marker', {}).run_id}'")
    assert output["written"] == output["survived"] == len(files.written())
    assert output["written"] + output["unacknowledged_survived"] == int(rows)
    assert (output["lost_transactions"], output["lost_seconds"]) == (0, 0.0)
    assert output["last_written_at"] == output["last_survived_at"] == files.written()[-1].at
    assert "monotonic clock" in output["clock"]


def test_started_twice_there_is_one_writer(
    executor: MarkerExecutor, act: Callable[..., Outcome], files: MarkerFiles, make_job: Any
) -> None:
    assert act(executor, START).ok
    assert act(executor, START).ok
    until(lambda: len(writers(files)) == 1, what="one writer")
    grown(files)
    numbers = [entry.number for entry in files.written()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_attach_finds_the_writer_and_begins_none(
    executor: MarkerExecutor, files: MarkerFiles, make_job: Callable[..., Job]
) -> None:
    job = make_job("marker", START)
    assert executor.attach(job, Reins()).ending is Ending.NOT_STARTED
    assert executor.run(job, Reins()).ok
    (writer,) = until(lambda: writers(files), what="the writer")
    assert executor.attach(job, Reins()).ok
    assert writers(files) == [writer]


def test_a_writer_that_is_killed_loses_no_note_and_the_next_one_goes_on_behind_it(
    executor: MarkerExecutor, act: Callable[..., Outcome], files: MarkerFiles
) -> None:
    act(executor, START)
    grown(files)
    os.kill(writers(files)[0], signal.SIGKILL)
    until(lambda: writers(files) == [])
    before = len(files.written())
    act(executor, START)
    grown(files)
    numbers = [entry.number for entry in files.written()]
    assert len(numbers) > before and numbers == sorted(set(numbers))
    outcome = act(executor, {"measure": {"target": "primary"}})
    assert outcome.output["lost_transactions"] == 0


def test_the_writer_ends_when_the_runs_directory_is_gone(
    executor: MarkerExecutor, act: Callable[..., Outcome], files: MarkerFiles, run_dir: Path
) -> None:
    act(executor, START)
    (writer,) = writers(files)
    shutil.rmtree(run_dir)
    until(lambda: not alive(writer), what="the writer ended")


def test_the_writers_life_is_bounded(act: Callable[..., Outcome], files: MarkerFiles, postgres: Postgres) -> None:
    act(MarkerExecutor(inventory_of(postgres.host("primary")), life=0.5), START)
    until(lambda: writers(files) == [], what="the writer ended")
    assert "its life was over" in files.why()


def test_the_writer_outlives_whoever_started_it(
    files: MarkerFiles, postgres: Postgres, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    job = make_job("marker", START)
    driver = tmp_path / "driver.py"
    driver.write_text(
        f"{DRIVER}from orchestrator.executors.marker import MarkerExecutor\n"
        f"host = Host('primary', {dict(postgres.host('primary').vars)!r})\n"
        f"job = Job({job.run_id!r}, 's', Phase.ACTION, 1, {job.ident!r}, 'marker', {START!r}, 30.0, Mode.DRILL,"
        f" {job.directory!r})\n"
        "MarkerExecutor(inventory_of(host)).run(job, Reins())\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, str(driver)], env=driver_env())
    try:
        until(lambda: files.directory.exists() and len(files.written()) > 3, what="markers")
    finally:
        process.kill()
        process.wait()
    grown(files)


def test_without_markers_rpo_is_unproven(executor: MarkerExecutor, act: Callable[..., Outcome]) -> None:
    outcome = act(executor, {"measure": {"target": "primary"}})
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "no markers were written: RPO is unproven"


def test_without_markers_customers_receipts_alone_count_the_loss(
    act: Callable[..., Outcome], postgres: Postgres, tmp_path: Path
) -> None:
    receipts = tmp_path / "receipts.jsonl"
    receipts.write_text(
        "".join(f'{{"number": {n}, "at": "2026-01-05T03:00:0{n}Z", "mono": {n}.5}}\n' for n in range(6))
    )
    executor = MarkerExecutor(inventory_of(postgres.host("primary", receipts_file=str(receipts))))
    ledger = {"target": "primary", "receipts": "receipts_file", "ledger": "select generate_series(0, 3)"}
    outcome = act(executor, {"measure": ledger})
    assert outcome.ok, outcome
    assert set(outcome.output) == {"receipts"}, "markers are not spoken of where there are none"
    counted = outcome.output["receipts"]
    assert (counted["written"], counted["lost_transactions"], counted["lost_seconds"]) == (6, 2, 2.0)
    receipts.write_text("")
    assert act(executor, {"measure": ledger}).error == "no markers were written: RPO is unproven"


def test_a_server_that_is_not_there_takes_no_markers(
    act: Callable[..., Outcome], postgres: Postgres, files: MarkerFiles
) -> None:
    executor = MarkerExecutor(inventory_of(postgres.host("primary", pg_port=free_port())))
    outcome = act(executor, START)
    assert outcome.ending is Ending.FAILED
    assert "refused" in outcome.error and "pg_port" in outcome.mend
    assert writers(files) == []


def test_the_password_is_in_no_process_list_and_no_file(
    act: Callable[..., Outcome], postgres: Postgres, files: MarkerFiles, run_dir: Path
) -> None:
    host = postgres.host("primary", pg_passfile="", pg_password=PASSWORD)
    assert act(MarkerExecutor(inventory_of(host)), START).ok
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(PASSWORD.encode() in line for line in lines)
    assert not [p for p in run_dir.rglob("*") if p.is_file() and PASSWORD.encode() in p.read_bytes()]


def test_a_start_that_is_let_go_or_cancelled_answers_at_once(
    act: Callable[..., Outcome], postgres: Postgres, executor: MarkerExecutor, files: MarkerFiles
) -> None:
    reins = Reins()
    reins.pull(Wish.CANCEL)
    assert act(executor, START, reins).ending is Ending.UNKNOWN
    until(lambda: writers(files) == [])


def test_check_asks_the_server_and_begins_nothing(
    executor: MarkerExecutor, make_job: Callable[..., Job], files: MarkerFiles, postgres: Postgres
) -> None:
    assert executor.check(make_job("marker", START), Reins()).ok
    gone = MarkerExecutor(inventory_of(postgres.host("primary", pg_port=free_port())))
    assert gone.check(make_job("marker", START), Reins()).ending is Ending.FAILED
    assert not files.directory.exists()


class Client:
    """An independent client with receipts of its own: the truth to compare with."""

    def __init__(self, server: Postgres, receipts: Path) -> None:
        self.receipts = receipts
        server.sql("create table ledger(number bigint primary key)")
        env = {"PGPASSWORD": PASSWORD, "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres"}
        self._psql = subprocess.Popen(
            [str(binaries() / "psql"), "-XAtq", "-d", "postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            bufsize=0,
        )
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        assert self._psql.stdin and self._psql.stdout
        with self.receipts.open("wb", buffering=0) as file:
            for number in range(1, 1_000_000):
                try:
                    self._psql.stdin.write(b"insert into ledger values (%d) returning number;\n" % number)
                except OSError:
                    return
                if self._psql.stdout.readline() != b"%d\n" % number:
                    return
                at = time.time()
                moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f"{at % 1:.6f}"[1:] + "Z"
                file.write(json.dumps({"number": number, "at": moment}).encode() + b"\n")
                time.sleep(0.003)

    def numbers(self) -> list[int]:
        return [json.loads(line)["number"] for line in self.receipts.read_bytes().splitlines()]

    def end(self) -> None:
        self._psql.kill()
        self._thread.join(10)
        self._psql.wait()
        for pipe in (self._psql.stdin, self._psql.stdout):
            if pipe:
                pipe.close()


@pytest.mark.parametrize("synchronous", [False, True], ids=["asynchronous", "synchronous"])
def test_what_a_crash_loses_is_counted_exactly(
    act: Callable[..., Outcome], files: MarkerFiles, tmp_path: Path, synchronous: bool, make_job: Any
) -> None:
    with servers(["primary", "standby"]) as (primary, standby):
        primary.make()
        primary.start()
        standby.copy_of(primary)
        standby.start()
        until(lambda: primary.sql("select count(*) from pg_stat_replication where state = 'streaming'") == "1")
        if synchronous:
            primary.sql("alter system set synchronous_standby_names = '*'")
            primary.sql("select pg_reload_conf()")
            until(lambda: primary.sql("select sync_state from pg_stat_replication") == "sync")
        receipts = tmp_path / "receipts.jsonl"
        executor = MarkerExecutor(
            inventory_of(primary.host("primary"), standby.host("standby", receipts_file=str(receipts)))
        )
        client = Client(primary, receipts)
        try:
            assert act(executor, START).ok
            grown(files, 20)
            if not synchronous:
                # From here on the standby receives nothing: what is committed now will be lost.
                receiver = standby.sql("select pid from pg_stat_wal_receiver")
                os.kill(int(receiver), signal.SIGSTOP)
                grown(files, 10)
                sold_to = len(client.numbers())
                until(lambda: len(client.numbers()) > sold_to + 50, what="receipts that will be lost")
            until(lambda: len(client.numbers()) > 50, what="receipts")
            primary.crash()
            if not synchronous:
                os.kill(int(receiver), signal.SIGKILL)
        finally:
            client.end()
        until(lambda: writers(files) == [], what="the writer ended with the primary")
        assert "the server went away" in files.why()
        if not synchronous:
            # A killed receiver makes the standby start over; it is up again soon.
            until(standby._answers)
        standby.promote()
        ledger = {"target": "standby", "receipts": "receipts_file", "ledger": "select number from ledger"}
        outcome = act(executor, {"measure": ledger})
        assert outcome.ok, outcome

        run_id = make_job("marker", {}).run_id
        there = set(standby.sql(f"select number from holdfast_marker where run_id = '{run_id}'").split())
        truth = [entry for entry in files.written() if str(entry.number) not in there]
        output = outcome.output
        assert output["lost_transactions"] == len(truth)
        assert output["written"] == len(files.written())
        assert output["survived"] == output["written"] - len(truth)
        sold = set(standby.sql("select number from ledger").split())
        lost_sales = [number for number in client.numbers() if str(number) not in sold]
        assert output["receipts"]["lost_transactions"] == len(lost_sales)
        assert output["receipts"]["written"] == len(client.numbers())
        if synchronous:
            assert (output["lost_transactions"], output["lost_seconds"]) == (0, 0.0)
            assert output["receipts"]["lost_transactions"] == 0
        else:
            assert output["lost_transactions"] >= 10
            kept = [entry for entry in files.written() if str(entry.number) in there][-1]
            assert output["lost_seconds"] == pytest.approx(truth[-1].mono - kept.mono, abs=1e-5)
            assert output["receipts"]["lost_seconds"] > 0.1
        assert output["last_survived_at"] <= output["last_written_at"]
