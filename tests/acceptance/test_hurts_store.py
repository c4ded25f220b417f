"""Full, read-only and corrupt state directories: the runbook runs, says so, and its journal comes home whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from acceptance_kit import DEADLINE, Answer, Desk, end, wait_until
from executors_kit import missing
from small_workspace import Gates, make_workspace, step

pytestmark = pytest.mark.timeout(300)

LIVE = ("run", "small", "--mode", "live")


class Disk:
    """A small file system of its own at ``path``, which can be filled up or become read-only while it is in use."""

    def __init__(self, place: Path, mounts: ExitStack) -> None:
        self.inside, self.path = place / "disk", place / "state"
        self._mounts = mounts
        for directory in (self.inside, self.path):
            directory.mkdir()
        self._mount(self.inside, "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs")
        self._mount(self.path, "--bind", str(self.inside))

    def hurt(self, how: str) -> None:
        if how == "read-only":
            # Laid over it: what somebody has open already may still be written, and nothing else.
            self._mount(self.path, "--bind", "-o", "ro", str(self.inside))
            return
        with (self.inside / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return

    def heal(self, how: str) -> None:
        if how == "read-only":
            # What a command leaves behind may have it open for a moment longer.
            gone = ["umount", str(self.path)]
            wait_until("it is not in use", lambda: subprocess.run(gone, capture_output=True).returncode == 0)
        else:
            (self.inside / "filler").unlink()

    def _mount(self, where: Path, *words: str) -> None:
        subprocess.run(["mount", *words, str(where)], check=True)
        # Lazily: also where a failed test has left something open in it. Twice does no harm.
        self._mounts.callback(subprocess.run, ["umount", "-l", str(where)], check=False, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        missing("root", "root, for mounting a small disk,")
    with ExitStack() as mounts:
        yield Disk(tmp_path, mounts)


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Gates]:
    made = Gates(tmp_path / "gates")
    yield made
    for name in ("first", "second"):
        made.open(name)


@pytest.fixture
def desk(tmp_path: Path, gates: Gates) -> Desk:
    # The first says nothing: what it would print while the disk is full would have no place, and that is its failure.
    steps = [step("first", gates.argv("first")), step("second", gates.argv("second", "echo", "two"))]
    return Desk(state=tmp_path / "state", workspace=make_workspace(tmp_path / "workspace", steps))


def _start(desk: Desk, gates: Gates) -> Answer:
    for name in ("first", "second"):
        gates.open(name)
    return desk.holdfast(*LIVE)


def _hurt_in_the_middle(desk: Desk, gates: Gates, hurt: Callable[[], None]) -> Answer:
    """The run, with its store hurt while its first command works."""
    driver = desk.start(*LIVE)
    try:
        wait_until("the first command is at its gate", lambda: gates.came("first"), 60)
        hurt()
        for name in ("first", "second"):
            gates.open(name)
        out, err = driver.communicate(timeout=DEADLINE)
        return Answer(driver.returncode, out, err)
    finally:
        end(driver)


def _spoil(file: Path) -> None:
    """Garbage over the whole of a store, and over its log."""
    for part in (file, file.with_name(file.name + "-wal")):
        if part.exists() and part.stat().st_size:
            with part.open("r+b") as handle:
                handle.write(os.urandom(part.stat().st_size))


def _all_done(answer: Answer, gates: Gates) -> None:
    assert answer.code == 0, answer.out + answer.err
    assert "BREAK GLASS" in answer.out + answer.err
    assert "holdfast journal import" in answer.out + answer.err
    assert (len(gates.came("first")), len(gates.came("second"))) == (1, 1)


def _home(desk: Desk, how: str) -> None:
    """Bring the break-glass journal home, by hand or by just starting the next run; it is all there, and holds."""
    glass = desk.state.parent / "break-glass" / "journal.sqlite3"
    (run,) = [line.split()[0] for line in desk.holdfast("status").out.splitlines()[1:]]
    if how == "by hand":
        answer = desk.holdfast("journal", "import", str(glass))
        assert answer.code == 0 and run in answer.out, answer.err
    else:
        answer = desk.holdfast(*LIVE)
        assert answer.code == 0, answer.err
        assert f"run {run}: " in answer.out + answer.err and "brought back" in answer.out + answer.err
    glass.unlink()
    journal = desk.journal(run)
    assert [seen.seq for seen in journal] == list(range(1, len(journal) + 1))
    assert journal[-1].body["status"] == "succeeded"
    assert {seen.body["step"] for seen in journal if seen.kind == "step.ended"} == {"first", "second", "look"}
    desk.verifies(run)
    assert desk.holdfast("record", run, "--out", str(desk.state.parent / "papers")).code == 0


def _nothing_truncated(place: Path) -> None:
    """What a run leaves is whole, or not there at all; what its jobs left is swept."""
    assert list(place.glob("runs/*/jobs/*")) == []
    files = [path for part in ("runs/*/outputs", "keys", "tracebacks") for path in place.glob(f"{part}/*")]
    assert [path for path in files if path.stat().st_size == 0 or path.name.startswith(".")] == []


@pytest.mark.root
@pytest.mark.parametrize("hurt", ["full", "read-only"])
@pytest.mark.parametrize("how", ["by hand", "by the next run"])
def test_a_run_begins_though_nothing_can_be_written(disk: Disk, desk: Desk, gates: Gates, hurt: str, how: str) -> None:
    disk.hurt(hurt)
    _all_done(_start(desk, gates), gates)
    _nothing_truncated(disk.inside)
    disk.heal(hurt)
    _home(desk, how)


@pytest.mark.root
def test_a_run_goes_on_when_its_disk_is_suddenly_full(disk: Disk, desk: Desk, gates: Gates) -> None:
    answer = _hurt_in_the_middle(desk, gates, lambda: disk.hurt("full"))
    _all_done(answer, gates)
    _nothing_truncated(disk.inside)
    disk.heal("full")
    _home(desk, "by hand")


@pytest.mark.root
def test_a_run_that_was_killed_on_a_full_disk_is_resumed_from_there(disk: Disk, desk: Desk, gates: Gates) -> None:
    driver = desk.start(*LIVE)
    try:
        wait_until("the first command is at its gate", lambda: gates.came("first"), 60)
        disk.hurt("full")
        gates.open("first")
        wait_until("the second command is at its gate", lambda: gates.came("second"), 60)
        driver.kill()
        driver.wait()
    finally:
        end(driver)
    gates.open("second")
    answer = desk.holdfast("resume", "last")
    assert answer.code == 0, answer.out + answer.err
    assert (len(gates.came("first")), len(gates.came("second"))) == (1, 1)
    disk.heal("full")
    _home(desk, "by hand")


@pytest.mark.root
def test_a_command_whose_end_a_read_only_disk_swallowed_is_asked_about_and_the_run_goes_on_elsewhere(
    disk: Disk, desk: Desk, gates: Gates
) -> None:
    answer = _hurt_in_the_middle(desk, gates, lambda: disk.hurt("read-only"))
    assert answer.code == 4, answer.out + answer.err
    assert desk.statuses()["first"] in ("unknown", "in_doubt")
    answer = desk.holdfast("mark-done", "last", "first", "--why", "looked for myself", "--resume")
    _all_done(answer, gates)
    disk.heal("read-only")
    _home(desk, "by hand")


def test_a_read_only_state_directory_of_an_ordinary_account_does_not_stop_a_run(desk: Desk, gates: Gates) -> None:
    if os.geteuid() == 0:
        words = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
        answered = subprocess.run([*words, "true"], capture_output=True, check=False)
        if answered.returncode != 0:
            missing("root", "setpriv, to give up root's right to write anywhere,")
    else:
        words = ()
    desk.state.mkdir(mode=0o500)
    for name in ("first", "second"):
        gates.open(name)
    process = desk.start(*LIVE, before=words)
    try:
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        end(process)
        desk.state.chmod(0o700)
    _all_done(Answer(process.returncode, out, err), gates)
    _home(desk, "by hand")


@pytest.mark.parametrize("when", ["before it begins", "in its middle"])
def test_a_corrupt_store_is_put_aside_and_the_run_goes_on(desk: Desk, gates: Gates, when: str) -> None:
    if when == "in its middle":
        answer = _hurt_in_the_middle(desk, gates, lambda: _spoil(desk.state / "journal.sqlite3"))
    else:
        desk.state.mkdir(mode=0o700)
        (desk.state / "journal.sqlite3").write_bytes(os.urandom(65536))
        answer = _start(desk, gates)
    _all_done(answer, gates)
    assert "put aside" in answer.out + answer.err
    aside = [path for path in desk.state.glob("journal.sqlite3.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]
    assert len(aside) == 1 and aside[0].stat().st_size > 0
    _home(desk, "by hand")
