"""Starting and stopping the observer and the writer check in the customers' network, and reading what they saw."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import LabError
from orchestrator.lab import processes, programs
from orchestrator.lab.account import Account
from orchestrator.lab.settings import DATABASE
from orchestrator.lab.sites import observations, observer, orders, replication, writer_report, writers
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.postgres import CHECKER, DATABASES, PORT
from orchestrator.lab.sites.topology import CLIENT, DATABASE_ADDRESS, HOSTS, ORDERS_ADDRESS

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_PLACE = "parts/observing"
_OBSERVER, _WRITERS = "observer", "writers"


def psql_directory() -> Path:
    """Where psql is on this machine. Raises LabError where the lab's PostgreSQL is not installed."""
    return programs.programs_for(Account(0, 0, drops=False))


def receipts(lab: Path) -> Path:
    """The observer's receipts of acknowledged orders."""
    return lab / _PLACE / _OBSERVER / observer.RECEIPTS


def start_observer(lab: SitesLab, every: float = 0.1) -> None:
    """Let customers try one order each ``every`` seconds, with fresh notes; one that runs is ended first."""
    words = ["--host", ORDERS_ADDRESS, "--port", str(orders.PORT), "--every", str(every)]
    _start(lab, _OBSERVER, "observer", words)


def stop_observer(lab: SitesLab) -> None:
    """End it; what it wrote stays."""
    _end(lab.directory, _OBSERVER)


def attempts(lab: Path) -> list[observations.Attempt]:
    """What the observer wrote down so far."""
    file = lab / _PLACE / _OBSERVER / observer.AVAILABILITY
    return observations.parse(file.read_text().splitlines(keepends=True)) if file.exists() else []


def lost_orders(lab: SitesLab, survivor: str) -> list[int]:
    """Acknowledged orders that the server on this host does not have. Raises LabError where it cannot be asked."""
    return observations.lost(attempts(lab.directory), replication.numbers(lab.host(survivor)))


def start_writers(lab: SitesLab, every: float = 0.1) -> None:
    """Try to write on every database host and at the service address, with a fresh log."""
    ways = {writer_report.SERVICE: DATABASE_ADDRESS, **{name: HOSTS[name].address for name in DATABASES}}
    place = _fresh(lab.directory, _WRITERS)
    for way, address in ways.items():
        body = {
            "host": address,
            "port": PORT,
            "user": CHECKER,
            "database": DATABASE,
            "passfile": str(lab.directory / "keys/checker.pgpass"),
        }
        (place / f"{way}.target.json").write_text(json.dumps(body))
    _launch(lab, _WRITERS, "writers", ["--psql", str(psql_directory() / "psql"), "--every", str(every)])


def stop_writers(lab: SitesLab) -> None:
    """End it; its log stays."""
    _end(lab.directory, _WRITERS)


def tries(lab: Path) -> list[writer_report.Try]:
    """What the writer check wrote down so far."""
    file = lab / _PLACE / _WRITERS / writers.LOG
    return writer_report.parse(file.read_text().splitlines(keepends=True)) if file.exists() else []


def writer_check(lab: SitesLab, primary: str) -> writer_report.Report:
    """Judge what the check saw, with ``primary`` as the writer of now and every other server that can be read."""
    others = {}
    for name in DATABASES:
        if name != primary:
            seen = replication.server(lab.host(name))
            if seen is not None and seen.running and seen.role != "unknown":
                others[name] = _rows(lab, name)
    return writer_report.report(tries(lab.directory), _rows(lab, primary), others)


def _rows(lab: SitesLab, name: str) -> list[writer_report.Row]:
    said = replication.sql(lab.host(name), "SELECT via || ' ' || number FROM writer_check")
    return [(line.split()[0], int(line.split()[1])) for line in said.splitlines()]


def end_all(lab: Path) -> None:
    """End whatever of it runs."""
    for name in (_OBSERVER, _WRITERS):
        _end(lab, name)


def says(lab: Path) -> str:
    """For people: whether the observer runs, and what it has seen."""
    seen = attempts(lab)
    state = "runs" if processes.recall(lab / _PLACE / _OBSERVER / "run.json") is not None else "does not run"
    if not seen:
        return state
    good = sum(attempt.ok for attempt in seen)
    return f"{state}; {good} of {len(seen)} orders acknowledged, longest pause {observations.longest_pause(seen):.1f} s"


def _start(lab: SitesLab, name: str, module: str, words: Sequence[str]) -> None:
    _fresh(lab.directory, name)
    _launch(lab, name, module, words)


def _fresh(lab: Path, name: str) -> Path:
    _end(lab, name)
    place = lab / _PLACE / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700, parents=True)
    return place


def _launch(lab: SitesLab, name: str, module: str, words: Sequence[str]) -> None:
    place = lab.directory / _PLACE / name
    argv = [
        sys.executable, "-P", "-m", f"orchestrator.lab.sites.{module}", "--directory", str(place), *words,
        "--daemon", "--record", str(place / "run.json"), "--log", str(place / "log"),
    ]  # fmt: skip
    done = call(lab.in_network(argv, CLIENT), check=False, seconds=20)
    if done.returncode != 0:
        raise LabError(f"the {name} does not start: {done.stderr.strip()[-500:]}", mend=f"see {place}/log")


def _end(lab: Path, name: str) -> None:
    record = lab / _PLACE / name / "run.json"
    running = processes.recall(record)
    if running is not None:
        # It writes down what is under way before it ends.
        processes.send(running, signal.SIGTERM)
        processes.wait_gone(running, observer.PATIENCE + 2)
    processes.end_all(lambda: [found for found in (processes.recall(record),) if found is not None])
