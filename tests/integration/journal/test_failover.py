"""The store fails, the run goes on; later everything is brought back, or a fork is refused."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import DriverConflict, EvidenceError, LockHeld, StoreCorrupt, StoreUnavailable, UsageError
from orchestrator.journal.break_glass import find_place
from orchestrator.journal.chain import GENESIS, link, verify_chain
from orchestrator.journal.failover import FailoverStore
from orchestrator.journal.importing import break_glass_stores, bring_back, import_runs, store_that_has
from orchestrator.journal.opening import open_store
from orchestrator.journal.sealing import seal_run
from orchestrator.journal.signing import load_or_make_key
from orchestrator.journal.sqlite_store import SqliteStore
from orchestrator.journal.store import RunHeader, Store
from orchestrator.journal.verify import verify_store
from orchestrator.journal.writer import JournalWriter
from orchestrator.model.event import EventKind
from orchestrator.model.redaction import Redactor

NOBODY = 65534
NOW = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
RUN = RunHeader("r1", NOW, "takeover", "live")


@dataclass
class Site:
    """A main store's address, a place for break-glass, and what was warned."""

    main: str
    glass: Path
    warnings: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"HOLDFAST_BREAK_GLASS": str(self.glass)}

    def open(self) -> FailoverStore:
        return FailoverStore(self.main, self.warnings.append, self.environment)

    @contextmanager
    def run(self, clock: Any, epoch: str = "e1") -> Iterator[tuple[FailoverStore, JournalWriter]]:
        store = self.open()
        try:
            yield store, JournalWriter.begin(store, RUN, clock, Redactor(), epoch)
        finally:
            store.close()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(str(tmp_path / "state" / "journal.sqlite3"), tmp_path / "glass")


def say(writer: JournalWriter, count: int = 1) -> None:
    for _ in range(count):
        writer.append(EventKind.WARNING, {"text": "备机"})


def records_at(address: str | Path) -> int:
    store = open_store(address)
    try:
        records = store.records("r1")
        assert verify_chain(records, run_id="r1") is None
        return len(records)
    finally:
        store.close()


def _gone(path: Path) -> None:
    path.unlink()


def _put_back_old(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    SqliteStore(path).close()


def _overwritten(path: Path) -> None:
    other = open_store(path)  # somebody else writes, so that nothing is answered from memory
    other.give("r1", verb="abort", step="", by="li", account="li@ops1", why="", given_at=NOW)
    other.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))


@pytest.mark.parametrize("damage", [_gone, _put_back_old, _overwritten])
def test_a_store_that_fails_in_mid_run_is_replaced_and_the_chain_goes_on(site: Site, clock: Any, damage: Any) -> None:
    with site.run(clock) as (store, writer):
        store.take_locks("r1", ["cluster/a"], NOW)
        say(writer, 3)
        damage(Path(site.main))
        say(writer, 3)
        assert store.failed_over
        assert len(site.warnings) == 1
        assert site.warnings[0].startswith("BREAK GLASS: the journal")
        assert str(site.glass / "journal.sqlite3") in site.warnings[0]
        with pytest.raises(LockHeld):
            store.take_locks("r2", ["cluster/a"], NOW)
    assert records_at(site.glass / "journal.sqlite3") == 6
    assert site.glass.stat().st_mode & 0o777 == 0o700


def test_of_many_runs_at_once_none_loses_a_record_when_the_store_fails_under_them(site: Site) -> None:
    store = site.open()
    damaged = threading.Event()
    together = threading.Barrier(9)

    def drive(number: int) -> int:
        run_id, prev = f"r{number}", GENESIS
        store.create_run(RunHeader(run_id, NOW, "takeover", "drill"))
        together.wait(timeout=30)
        count = 0
        while not damaged.is_set() or count < 30:
            record = link(
                run_id, count + 1, at="2026-05-01T02:30:00.000000Z", mono=1.0, epoch="e", kind="warning", body="{}",
                prev=prev,
            )  # fmt: skip
            store.append(record)
            prev, count = record.hash, count + 1
        return count

    with ThreadPoolExecutor(8) as pool:
        drivers = [pool.submit(drive, number) for number in range(8)]
        together.wait(timeout=30)
        Path(site.main).unlink()
        damaged.set()
        counts = [driver.result(timeout=60) for driver in drivers]
    assert store.failed_over
    assert len(site.warnings) == 1
    for number, count in enumerate(counts):
        assert verify_chain(store.records(f"r{number}"), run_id=f"r{number}", count=count) is None
    store.close()


def test_a_corrupt_store_is_put_aside_by_name_and_said_loudly(site: Site, clock: Any) -> None:
    path = Path(site.main)
    path.parent.mkdir()
    path.write_bytes(b"not a database, but somebody's only copy" * 100)
    with site.run(clock) as (store, writer):
        say(writer)
        assert store.failed_over
    (aside,) = path.parent.glob("journal.sqlite3.corrupt-*")
    assert aside.read_bytes().startswith(b"not a database, but")
    assert str(aside) in site.warnings[0]
    assert not path.exists()


def test_a_database_of_something_else_is_left_alone(site: Site, clock: Any) -> None:
    path = Path(site.main)
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id)")
    connection.close()
    with pytest.raises(StoreUnavailable, match="holds other things"):
        open_store(path)
    with site.run(clock) as (store, writer):
        say(writer)
        assert store.failed_over
    assert list(path.parent.glob("*corrupt*")) == []


def test_a_row_that_can_not_be_read_does_not_cost_the_whole_store(site: Site, clock: Any) -> None:
    with site.run(clock) as (_, writer):
        say(writer)
    connection = sqlite3.connect(site.main)
    connection.execute("DROP TRIGGER event_no_update")
    connection.execute("UPDATE event SET mono = 'late'")
    connection.commit()
    connection.close()
    main = open_store(site.main)
    with pytest.raises(StoreCorrupt, match="field of a wrong type"):
        main.records("r1")
    main.close()
    store = site.open()
    with pytest.raises(UsageError, match="no run r1"):
        JournalWriter(store, "r1", clock, Redactor(), "e2")
    store.close()
    assert "the file itself is sound" in site.warnings[0]
    assert Path(site.main).exists()


def test_a_locked_store_is_waited_for_a_bounded_time_and_then_replaced(site: Site, clock: Any) -> None:
    with site.run(clock) as (store, writer):
        say(writer, 2)
        other = sqlite3.connect(site.main, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        say(writer)
        other.execute("ROLLBACK")
        other.close()
        assert store.failed_over
    assert "is locked by another process" in site.warnings[0]
    assert records_at(site.main) == 2


def test_a_directory_that_can_not_be_made_is_replaced_at_opening(site: Site, clock: Any, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    with site.run(clock) as (store, writer):
        say(writer, 2)
        assert store.failed_over
    assert "can not be opened" in site.warnings[0]


FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from orchestrator.journal.failover import FailoverStore
from orchestrator.journal.outputs import OutputKeeper
from orchestrator.journal.store import RunHeader
from orchestrator.journal.writer import JournalWriter
from orchestrator.model.event import EventKind
from orchestrator.model.redaction import Redactor
from pathlib import Path

class Clock:
    def wall(self):
        return datetime.now(UTC)
    def mono(self):
        return 1.0

main, glass, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
warnings = []
store = FailoverStore(main, warnings.append, {"HOLDFAST_BREAK_GLASS": glass})
writer = JournalWriter.begin(store, RunHeader("r1", datetime.now(UTC), "takeover", "live"), Clock(), Redactor(), "e1")
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
count = 0
while not store.failed_over:
    writer.append(EventKind.WARNING, {"text": "x" * 20000})
    count += 1
    assert count < 1000
keeper = OutputKeeper(Path(main).parent, Redactor(), warnings.append)
assert keeper.keep("lag.action.1", (b"y" * 65536 for _ in range(64))) is None
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append(EventKind.WARNING, {"text": "after"})
assert len(warnings) == 2, warnings
print(count)
print(warnings[0])
"""


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def _fill(main: Path, glass: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, main, glass, str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    count, warning = done.stdout.splitlines()[:2]
    assert "BREAK GLASS" in warning
    assert records_at(glass / "journal.sqlite3") == int(count) + 1
    assert list((main.parent / "outputs").iterdir()) == [], "no truncated output is left"


def test_a_file_that_may_not_grow_is_replaced_and_no_record_is_lost(tmp_path: Path) -> None:
    main = tmp_path / "state" / "journal.sqlite3"
    _fill(main, tmp_path / "glass", 300_000)
    # What the limit left in the main store is a whole beginning of the run.
    assert records_at(main) > 0


@pytest.mark.root
def test_a_full_disk_is_replaced_and_no_record_is_lost(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    with small_disk(tmp_path / "disk") as disk:
        _fill(disk / "journal.sqlite3", tmp_path / "glass", 0)
        assert records_at(disk / "journal.sqlite3") > 0


@pytest.mark.root
def test_a_disk_that_becomes_read_only_is_replaced(site: Site, clock: Any, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    with small_disk(tmp_path / "disk") as disk:
        site.main = str(disk / "journal.sqlite3")
        with site.run(clock) as (store, writer):
            say(writer, 2)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        reader = open_store(site.main, read_only=True)
        assert len(reader.records("r1")) == 2
        reader.close()
        with pytest.raises(StoreUnavailable):
            open_store(site.main)
        with site.run(clock, "e2") as (store, writer):
            say(writer)
            assert store.failed_over


@pytest.fixture
def ordinary_account() -> Iterator[Path]:
    """A directory of an ordinary account's, and this process as that account: root may write anywhere."""
    directory = Path(tempfile.mkdtemp(prefix="hfro", dir="/tmp"))
    if os.getuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield directory
    finally:
        os.seteuid(os.getuid())
        shutil.rmtree(directory)


def test_a_read_only_directory_is_replaced(ordinary_account: Path, clock: Any) -> None:
    site = Site(str(ordinary_account / "state" / "journal.sqlite3"), ordinary_account / "glass")
    with site.run(clock) as (_, writer):
        say(writer)
    directory = Path(site.main).parent
    Path(site.main).chmod(0o400)
    directory.chmod(0o500)
    with site.run(clock, "e2") as (store, writer):
        say(writer)
        assert store.failed_over
    assert records_at(site.glass / "journal.sqlite3") == 1
    directory.chmod(0o700)


def test_postgresql_down_in_mid_run_goes_on_and_is_brought_back(own_server: Any, tmp_path: Path, clock: Any) -> None:
    site = Site(own_server.url, tmp_path / "glass")
    with site.run(clock) as (store, writer):
        store.take_locks("r1", ["cluster/a"], NOW)
        say(writer, 3)
        own_server.stop()
        say(writer, 2)
        assert store.failed_over
        own_server.start()
        say(writer)  # it stays where it is until the process ends
        writer.append(EventKind.RUN_ENDED, {"status": "done"})
        seal_run(store, "r1", load_or_make_key(tmp_path / "keys"))
    main = open_store(own_server.url)
    assert len(main.records("r1")) == 3
    assert bring_back(main, site.environment).added == {"r1": 4}
    assert bring_back(main, site.environment).added == {}
    assert verify_store(main, "r1").records == 7
    assert main.locks() == []
    main.close()


def test_a_server_that_was_only_restarted_is_not_given_up(own_server: Any, tmp_path: Path, clock: Any) -> None:
    site = Site(own_server.url, tmp_path / "glass")
    with site.run(clock) as (store, writer):
        say(writer, 2)
        own_server.stop()
        own_server.start()
        say(writer, 2)
        assert not store.failed_over
    assert site.warnings == []


def test_a_server_that_is_stopped_does_not_hold_up_the_run(own_server: Any, tmp_path: Path, clock: Any) -> None:
    site = Site(own_server.url, tmp_path / "glass")
    with site.run(clock) as (store, writer):
        say(writer, 2)
        for child in (own_server.process.pid, *_children(own_server.process.pid)):
            os.kill(child, signal.SIGSTOP)
        try:
            say(writer)
        finally:
            for child in (own_server.process.pid, *_children(own_server.process.pid)):
                os.kill(child, signal.SIGCONT)
        assert store.failed_over
    assert "did not answer" in site.warnings[0]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_conflict_is_never_failed_over(site: Site, clock: Any) -> None:
    with site.run(clock) as (store, writer):
        say(writer)
        other = open_store(site.main)
        JournalWriter(other, "r1", clock, Redactor(), "e2").append(EventKind.DRIVER_CLAIMED, {"epoch": "e2", "pid": 7})
        other.close()
        with pytest.raises(DriverConflict, match="pid 7"):
            say(writer)
        assert not store.failed_over
        assert site.warnings == []


def _emergency(site: Site, clock: Any) -> None:
    """Three records in the main store, then three more in the break-glass one."""
    with site.run(clock) as (_, writer):
        say(writer, 3)
        Path(site.main).rename(site.main + ".away")
        say(writer, 3)
    Path(site.main + ".away").rename(site.main)


def test_what_went_on_elsewhere_is_brought_back_once(site: Site, clock: Any) -> None:
    _emergency(site, clock)
    (glass,) = break_glass_stores(site.environment)
    glass.give("r1", verb="abort", step="", by="li", account="li@ops1", why="", given_at=NOW)
    main = open_store(site.main)
    assert store_that_has("r1", main, [glass]) is glass
    for expected in (3, 0):
        assert import_runs(glass, main).added == {"r1": expected}
    assert store_that_has("r1", main, [glass]) is main
    assert len(main.decisions("r1")) == 1
    with_writer = JournalWriter(main, "r1", clock, Redactor(), "e2")
    say(with_writer)
    assert verify_store(main, "r1").records == 7
    # The main store may be ahead: then there is nothing to bring.
    assert import_runs(glass, main).added == {"r1": 0}
    glass.close()
    main.close()


def test_a_fork_is_refused_and_named_while_other_runs_are_brought_back(site: Site, clock: Any) -> None:
    _emergency(site, clock)
    main = open_store(site.main)
    say(JournalWriter(main, "r1", clock, Redactor(), "e9"))  # resumed from the main store without an import
    glass = open_store(site.glass / "journal.sqlite3")
    say(JournalWriter.begin(glass, RunHeader("r2", NOW, "other", "drill"), clock, Redactor(), "e5"))
    for _ in range(2):
        with pytest.raises(EvidenceError, match=r"run r1 went on in two places: record 4 .* \(epoch e1") as caught:
            import_runs(glass, main)
    assert caught.value.first_bad == "record 4"
    assert len(main.records("r1")) == 4
    assert len(main.records("r2")) == 1
    glass.close()
    main.close()


def test_a_tampered_break_glass_journal_is_not_imported(site: Site, clock: Any) -> None:
    _emergency(site, clock)
    connection = sqlite3.connect(site.glass / "journal.sqlite3")
    connection.execute("DROP TRIGGER event_no_update")
    connection.execute("UPDATE event SET body = '{}' WHERE seq = 5")
    connection.commit()
    connection.close()
    main, glass = open_store(site.main), open_store(site.glass / "journal.sqlite3")
    with pytest.raises(EvidenceError, match="record 5 was changed"):
        import_runs(glass, main)
    assert len(main.records("r1")) == 3
    glass.close()
    main.close()


def test_a_lock_that_another_run_took_meanwhile_is_told(site: Site, clock: Any) -> None:
    with site.run(clock) as (store, writer):
        say(writer)
        Path(site.main).rename(site.main + ".away")
        say(writer)
        store.take_locks("r1", ["cluster/a"], NOW)
    Path(site.main + ".away").rename(site.main)
    main = open_store(site.main)
    main.take_locks("r2", ["cluster/a"], NOW)
    report = bring_back(main, site.environment)
    assert "run r1 has not ended and held cluster/a; meanwhile cluster/a is held by run r2" in report.warnings[0]
    main.close()


def test_an_old_break_glass_journal_that_is_corrupt_does_not_stop_the_next_emergency(site: Site, clock: Any) -> None:
    site.glass.mkdir(mode=0o700)
    (site.glass / "journal.sqlite3").write_bytes(b"rubbish" * 1000)
    with site.run(clock) as (store, writer):
        say(writer)
        Path(site.main).unlink()
        say(writer)
        assert store.failed_over
        assert store.address != str(site.glass / "journal.sqlite3")
    assert (site.glass / "journal.sqlite3").read_bytes().startswith(b"rubbish")
    (glass,) = break_glass_stores(site.environment)
    assert len(glass.records("r1")) == 2
    glass.close()


def test_unsafe_places_are_passed_over_and_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "run").mkdir(mode=0o700)
    for unsafe in ("link", "open"):
        place = find_place({"HOLDFAST_BREAK_GLASS": str(tmp_path / unsafe), "XDG_RUNTIME_DIR": str(tmp_path / "run")})
        assert place.directory == tmp_path / "run" / "holdfast"
    assert find_place({"HOLDFAST_BREAK_GLASS": str(tmp_path / "new" / "place")}).directory.stat().st_mode & 0o77 == 0


def test_a_place_in_memory_is_said_to_be_lost_at_a_restart(site: Site, clock: Any) -> None:
    site.glass = Path("/dev/shm") / f"holdfast-test-{os.getpid()}"
    Path(site.main).parent.mkdir()
    Path(site.main).write_bytes(b"x" * 5000)
    try:
        with site.run(clock) as (_, writer):
            say(writer)
        volatile = find_place(site.environment).volatile
        assert ("in memory only" in site.warnings[0]) is volatile
    finally:
        for file in site.glass.iterdir():
            file.unlink()
        site.glass.rmdir()


def test_a_store_that_was_closed_is_not_failed_over(site: Site) -> None:
    store: Store = site.open()
    store.close()
    with pytest.raises(StoreUnavailable, match="was closed"):
        store.runs()
    assert site.warnings == []
