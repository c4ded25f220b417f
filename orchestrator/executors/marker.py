"""RPO markers: start a writer before the fault, stop it, and count on the survivor what was lost (promise 5)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.executors import jobdir, proc
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.marker_count import count
from orchestrator.executors.marker_files import ALREADY, TABLE, Acknowledged, MarkerFiles, read_lines
from orchestrator.executors.probe_psql import arguments, ask, binary, environment
from orchestrator.model.actions import MarkerAction, MarkerMeasure, MarkerStart
from orchestrator.model.inventory import Host, Inventory
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome, failed, unknown

LIFE = 3600.0
"""Seconds a writer lives that nobody stops."""
STOPPING = 5.0
"""Seconds a writer has to end by itself before it is killed."""
_SLICE = 0.02
_MEND = "pg_host, pg_port, pg_user, pg_database, pg_passfile and pg_bin of the host say where and with which psql"


class MarkerExecutor:
    """Runs MarkerActions. The notes are in ``markers/`` of the run's directory.

    The writer does not inherit the run's locks: it changes nothing but its own table, and it is meant to outlive the
    driver. ``life`` bounds it, in seconds.
    """

    def __init__(self, inventory: Inventory, life: float = LIFE) -> None:
        self._inventory = inventory
        self._life = life

    def run(self, job: Job, control: Control) -> Outcome:
        """Start, stop or measure."""
        action = MarkerAction.model_validate(job.spec)
        files = _files(job)
        try:
            jobdir.make(Path(job.directory))
            files.directory.mkdir(mode=0o700, exist_ok=True)
            if action.start is not None:
                return self._start(action.start, job, files, control)
            stopped = _stopped(files, control)
            if stopped is not None or action.measure is None:
                return stopped or Outcome(Ending.OK, output={"written": len(files.written())})
            return self._measure(action.measure, job, files, control)
        except ExecutorError as error:
            return failed(error.message, mend=error.mend)
        except (OSError, ValueError) as error:
            return failed(f"the markers could not be kept or read: {error}")

    def attach(self, job: Job, control: Control) -> Outcome:
        """Find the writer that was started; stopping and measuring are begun anew, as they can be."""
        action = MarkerAction.model_validate(job.spec)
        files = _files(job)
        if action.start is None or not Path(job.directory).is_dir() or not files.directory.is_dir():
            return Outcome(Ending.NOT_STARTED)
        with files.alone() as alone:
            pass
        if alone:
            # It has ended again, or never came up: in the first case the start had succeeded.
            written = files.written()
            return _started(files, written) if written else Outcome(Ending.NOT_STARTED)
        return self._first(files, control, files.size(), None)

    def check(self, job: Job, control: Control) -> Outcome:
        """Log in to the server, with psql and all."""
        action = MarkerAction.model_validate(job.spec)
        target = action.start or action.measure
        if target is None:
            return Outcome(Ending.OK)
        try:
            host = self._inventory.one(target.target)
            query = "select not pg_is_in_recovery() and has_database_privilege(current_database(), 'create')"
            answer = ask(host, query, min(10.0, control.remaining()), control)
        except (ExecutorError, OSError) as error:
            return failed(str(error), mend=getattr(error, "mend", ""))
        if answer.error:
            return failed(f"{target.target}: {answer.error}", mend=_MEND)
        if action.start is not None and answer.text.strip() != "t":
            return failed(
                f"{target.target} takes no markers: it is a standby, or the role may not create the table {TABLE}"
            )
        return Outcome(Ending.OK)

    def _start(self, start: MarkerStart, job: Job, files: MarkerFiles, control: Control) -> Outcome:
        host = self._inventory.one(start.target)
        files.stop.unlink(missing_ok=True)
        before = files.size()
        config = {
            "argv": arguments(binary(host)),
            "env": environment(host, connect_timeout=10, options=("client_min_messages=warning",)),
            "run_id": job.run_id,
            "every": start.every,
            "life": self._life,
        }
        env = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ
        }
        with files.log.open("ab") as log:
            files.log.chmod(0o600)
            writer = subprocess.Popen(
                # -P: whatever lies in the current directory is no part of the program.
                [sys.executable, "-P", "-m", "orchestrator.executors.marker_writer", str(files.directory)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=env,
                cwd="/",
                start_new_session=True,
            )
        assert writer.stdin is not None
        with writer.stdin:
            writer.stdin.write(json.dumps(config).encode())
        outcome = self._first(files, control, before, writer)
        if outcome.ending is Ending.LEFT or outcome.ok:
            _forget(writer)
        else:
            writer.kill()
            writer.wait()
        return outcome

    def _first(
        self,
        files: MarkerFiles,
        control: Control,
        before: int,
        writer: subprocess.Popen[bytes] | None,
    ) -> Outcome:
        """Wait for the first acknowledged marker: only then is anything proved from here on."""
        while True:
            if files.size() > before:
                return _started(files, files.written())
            code = writer.poll() if writer is not None else None
            if code == ALREADY:
                # Somebody else's writer: its next marker will do.
                return self._first(files, control, before, None)
            if code is not None:
                return failed(f"the markers' writer ended: {files.why() or f'exit code {code}'}", mend=_MEND)
            if writer is None:
                with files.alone() as alone:
                    if alone:
                        return failed(f"the markers' writer ended: {files.why()}", mend=_MEND)
            wish = control.wait(_SLICE)
            if wish is Wish.DETACH:
                return Outcome(Ending.LEFT)
            if wish is Wish.CANCEL:
                return unknown("starting the markers was cancelled")
            if control.remaining() <= 0:
                return failed("no marker was acknowledged in time", mend=_MEND)

    def _measure(self, measure: MarkerMeasure, job: Job, files: MarkerFiles, control: Control) -> Outcome:
        written = files.written()
        host = self._inventory.one(measure.target)
        # A live outage has no markers; where customers keep receipts, the loss is counted by those alone.
        receipts = _receipts(host, measure.receipts) if measure.receipts is not None else []
        if not written and not receipts:
            return failed(
                "no markers were written: RPO is unproven",
                mend="start markers (marker: {start: ...}) before the fault; a live outage has none",
                output={"written": 0},
            )
        output = count(written, _markers(host, job.run_id, control)) if written else {}
        if measure.ledger is not None:
            output["receipts"] = count(receipts, _numbers(host, measure.ledger, control))
        _keep(job, output)
        return Outcome(Ending.OK, output=output)


def _files(job: Job) -> MarkerFiles:
    return MarkerFiles(Path(job.directory).parent.parent / "markers")


def _started(files: MarkerFiles, written: list[Acknowledged]) -> Outcome:
    output: dict[str, Any] = {"written": len(written), "first_at": written[0].at}
    why = files.why()
    if why:
        output["ended"] = why
    return Outcome(Ending.OK, output=output)


def _forget(writer: subprocess.Popen[bytes]) -> None:
    """The writer is nobody's child any more; it is waited for when this process lives on and it ends first."""
    import threading

    threading.Thread(target=writer.wait, name="markers", daemon=True).start()


def _stopped(files: MarkerFiles, control: Control) -> Outcome | None:
    """See to it that nobody writes markers any more. The outcome where that fails."""
    files.stop.touch(mode=0o600)
    began = time.monotonic()
    asked = killed = False
    while True:
        with files.alone() as alone:
            if alone:
                return None
        waited = time.monotonic() - began
        if waited > 0.5 and not asked:
            asked = _signal(files, signal.SIGTERM)
        if waited > STOPPING and not killed:
            killed = _signal(files, signal.SIGKILL)
        if waited > 2 * STOPPING or control.remaining() <= 0:
            return failed("the markers' writer could not be stopped", mend=f"end the process in {files.writer}")
        if control.wait(_SLICE) is not Wish.GO:
            return unknown("stopping the markers was broken off")


def _signal(files: MarkerFiles, number: signal.Signals) -> bool:
    try:
        who = json.loads(files.writer.read_text(encoding="ascii"))
        proc.send(proc.Process(int(who["pid"]), int(who["start"])), number)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _markers(host: Host, run_id: str, control: Control) -> list[int]:
    # A copy that is older than the first marker does not even have the table: nothing survived.
    there = _lines(host, f"select to_regclass('{TABLE}') is not null", control)
    if there != ["t"]:
        return []
    quoted = run_id.replace("'", "''")
    return _numbers(host, f"select number from {TABLE} where run_id = '{quoted}'", control)  # noqa: S608  quoted above


def _numbers(host: Host, query: str, control: Control) -> list[int]:
    lines = _lines(host, query, control)
    try:
        return [int(line) for line in lines]
    except ValueError as error:
        raise ExecutorError(f"{host.name} listed something that is no number: {error}") from error


def _lines(host: Host, query: str, control: Control) -> list[str]:
    answer = ask(host, query, max(0.1, control.remaining()), control)
    if answer.error:
        raise ExecutorError(f"{host.name} cannot be asked what survived: {answer.error}", mend=_MEND)
    return answer.text.split()


def _receipts(host: Host, variable: str) -> list[Acknowledged]:
    path = host.vars.get(variable)
    if not path:
        raise ExecutorError(
            f"host {host.name} has no variable {variable!r} with the path of the client's receipts",
            mend=f"set {variable} in the inventory",
        )
    try:
        return read_lines(Path(str(path)))
    except (OSError, ValueError) as error:
        raise ExecutorError(f"the client's receipts cannot be read: {error}") from error


def _keep(job: Job, output: dict[str, Any]) -> None:
    out = Path(job.directory) / jobdir.OUT
    out.touch(mode=0o600)
    out.write_text(json.dumps(output, indent=2) + "\n", encoding="utf-8")
