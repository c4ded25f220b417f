"""The marker writer, a process of its own: ``python -m orchestrator.executors.marker_writer <markers directory>``.

Commits one numbered row after the other through one psql, and notes each as soon as the server says that it is
committed: what stands in the notes was promised. What it needs comes as one JSON object on stdin, as it may hold a
password: ``argv`` and ``env`` of psql, ``run_id``, ``every`` and ``life`` in seconds. It outlives whoever started it,
and ends when it is told to (SIGTERM, the file ``stop``), when the server goes away, when its directory is gone,
and after ``life`` at the latest.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from orchestrator.executors.marker_files import ALREADY, TABLE, MarkerFiles
from orchestrator.executors.proc import find

_SLICE = 0.1
"""Seconds between two looks at whether to end, while the server is waited for."""


class _Ended(Exception):
    """Time to go; says why."""


class Writer:
    """One psql, and the notes of what it committed."""

    def __init__(self, files: MarkerFiles, config: dict[str, Any]) -> None:
        self._files = files
        self._run_id = "'" + str(config["run_id"]).replace("'", "''") + "'"
        self._every = float(config["every"])
        self._until = time.monotonic() + float(config["life"])
        self._told = ""
        self._rest = b""
        with files.log.open("ab") as log:
            self._psql = subprocess.Popen(
                config["argv"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=config["env"],
                bufsize=0,
                start_new_session=True,
            )
        self._notes = os.open(files.acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def tell(self, number: int, _frame: FrameType | None) -> None:
        """A signal says to end."""
        self._told = f"it was told to ({signal.Signals(number).name})"

    def write(self) -> None:
        """Write until there is a reason to end. Raises _Ended with it."""
        self._say(
            f"create table if not exists {TABLE} (run_id text not null, number bigint not null, "
            "written_at timestamptz not null, primary key (run_id, number));"
        )
        mine = f"select coalesce(max(number), 0) from {TABLE} where run_id = {self._run_id};"  # noqa: S608  quoted above
        # Goes on behind what another writer of this run committed, acknowledged or not.
        noted = max((entry.number for entry in self._files.written()), default=0)
        number = max(int(self._ask(mine)), noted) + 1
        due = time.monotonic()
        while True:
            answer = self._ask(
                f"insert into {TABLE} values ({self._run_id}, {number}, clock_timestamp()) returning number;"  # noqa: S608
            )
            if answer != str(number):
                raise _Ended(f"the server answered {answer!r} to marker {number}")
            note = {
                "number": number,
                "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "mono": round(time.monotonic(), 6),
            }
            os.write(self._notes, json.dumps(note).encode() + b"\n")
            number += 1
            # No catching up after a stall: markers are to lie evenly.
            due = max(due + self._every, time.monotonic())
            while (left := due - time.monotonic()) > 0:
                self._look()
                time.sleep(min(left, _SLICE))
            self._look()

    def close(self) -> None:
        """End psql; a marker that is under way stays unacknowledged."""
        self._psql.kill()
        self._psql.wait()
        os.close(self._notes)

    def _look(self) -> None:
        if self._told:
            raise _Ended(self._told)
        if time.monotonic() > self._until:
            raise _Ended("its life was over")
        if self._files.stop.exists():
            raise _Ended("it was told to (stop)")
        if not self._files.acknowledged.exists():
            raise _Ended("the run's directory is gone")

    def _say(self, statement: str) -> None:
        assert self._psql.stdin is not None
        try:
            self._psql.stdin.write(statement.encode() + b"\n")
        except OSError:
            raise _Ended(self._complaint()) from None

    def _ask(self, statement: str) -> str:
        """The one line that is the statement's answer: psql prints it when the server has said that it is committed."""
        self._say(statement)
        assert self._psql.stdout is not None
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._psql.stdout], [], [], _SLICE)
            if ready:
                piece = os.read(self._psql.stdout.fileno(), 4096)
                if not piece:
                    raise _Ended(self._complaint())
                self._rest += piece
            else:
                self._look()
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace").strip()

    def _complaint(self) -> str:
        with self._files.log.open("rb") as log:
            log.seek(max(0, self._files.log.stat().st_size - 1000))
            said = " ".join(log.read().decode("utf-8", "replace").split())
        return f"the server went away: {said}" if said else "the server went away"


def main(argv: list[str] | None = None) -> int:
    """Write markers in the directory that is the only argument. 0: it ended as it should; 3: another one is at work."""
    (directory,) = sys.argv[1:] if argv is None else argv
    os.umask(0o077)
    files = MarkerFiles(Path(directory))
    config = json.load(sys.stdin)
    # The executor looks at the lock too, for a moment each: only who holds it longer is a writer.
    tries = 1
    while True:
        with files.alone() as alone:
            if alone:
                return _work(files, config)
        if tries >= 20:
            return ALREADY
        tries += 1
        time.sleep(0.05)


def _work(files: MarkerFiles, config: dict[str, Any]) -> int:
    me = find(os.getpid())
    assert me is not None
    files.writer.write_text(json.dumps({"pid": me.pid, "start": me.start}), encoding="ascii")
    files.ended.unlink(missing_ok=True)
    try:
        writer = Writer(files, config)
    except OSError as error:
        files.ended.write_text(f"psql could not be started: {error}\n", encoding="utf-8")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, writer.tell)
    try:
        writer.write()
    except (_Ended, OSError, ValueError) as why:
        writer.close()
        if files.directory.is_dir():
            files.ended.write_text(f"{why}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
