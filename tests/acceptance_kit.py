"""The installed command on a real lab, and an observer that owes the program nothing."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator.lab.lab import Lab

COMMAND = Path(sys.executable).with_name("holdfast")
CHECKOUT = Path(__file__).resolve().parents[1]
DEADLINE = 180.0
"""Seconds after which a command that should have ended is taken for hung; generous, for the machine may be slow."""


def wait_until(what: str, holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer of ``holds``; fails naming ``what`` after ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines it printed."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Seen:
    """One journal record."""

    run_id: str
    seq: int
    kind: str
    body: dict[str, Any]

    def of(self, step: str, phase: str = "action") -> bool:
        return self.body.get("step") == step and self.body.get("phase") == phase


@dataclass(kw_only=True)
class Desk:
    """A workspace and a private state directory: the installed command, as a person uses it."""

    state: Path
    workspace: Path = CHECKOUT
    extra: dict[str, str] = field(default_factory=dict)

    def env(self, **more: str) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")},
            "HOLDFAST_STATE": str(self.state),
            "HOLDFAST_WORKSPACE": str(self.workspace),
            "HOLDFAST_BREAK_GLASS": str(self.state.parent / "break-glass"),
            "HOLDFAST_BY": "anna-berg",
            **self.extra,
            **more,
        }

    def start(self, *words: str, before: Sequence[str] = (), **more: str) -> subprocess.Popen[str]:
        """Start the command, with the words of another one ``before`` it, and ``more`` in its environment."""
        return subprocess.Popen(
            [*before, str(COMMAND), *words],
            env=self.env(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.state.parent,
        )

    def holdfast(self, *words: str, **more: str) -> Answer:
        process = self.start(*words, **more)
        try:
            out, err = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{words} hung:\n{out}\n{err}") from None
        return Answer(process.returncode, out, err)

    def drill(self, *more_words: str, **more: str) -> Answer:
        """The takeover drill on the lab."""
        return self.holdfast(
            "run", "orders-takeover", "--inventory", str(self.lab.inventory), "--json", *more_words, **more
        )

    def resume(self, *words: str, **more: str) -> Answer:
        return self.holdfast("resume", "last", "--json", *words, **more)

    def record(self, run: str = "last") -> dict[str, Any]:
        target = self.state.parent / f"papers-{time.monotonic_ns()}"
        answer = self.holdfast("record", run, "--out", str(target))
        assert answer.code == 0, answer.err
        try:
            return json.loads((target / "record.json").read_text())
        finally:
            shutil.rmtree(target)

    def events(self, run: str = "last") -> list[dict[str, Any]]:
        answer = self.holdfast("journal", run, "--json")
        assert answer.code == 0, answer.err
        return answer.lines

    def journal(self, run: str = "") -> list[Seen]:
        """The newest run's journal (or that of ``run``), read past the program; empty where there is none yet."""
        file = self.state / "journal.sqlite3"
        if not file.exists():
            return []
        connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=10)
        try:
            newest = connection.execute("SELECT run_id FROM run ORDER BY created_at DESC LIMIT 1").fetchone()
            rows = connection.execute(
                "SELECT run_id, seq, kind, body FROM event WHERE run_id = ? ORDER BY seq",
                (run or (newest[0] if newest else ""),),
            ).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []  # it is being made at this moment
        finally:
            connection.close()
        return [Seen(*row[:3], json.loads(row[3])) for row in rows]

    def status(self, run: str = "last") -> dict[str, Any]:
        answer = self.holdfast("status", run, "--json")
        assert answer.code == 0, answer.err
        found: dict[str, Any] = json.loads(answer.out)
        return found

    def statuses(self, run: str = "last") -> dict[str, str]:
        """How each step stands."""
        return {step["step"]: step["status"] for step in self.status(run)["steps"]}

    def verifies(self, run: str = "last") -> None:
        answer = self.holdfast("verify", run)
        assert answer.code == 0, answer.out + answer.err


@dataclass(kw_only=True)
class Bench(Desk):
    """A desk with a lab to work on."""

    lab: Lab

    def drill(self, *more_words: str, **more: str) -> Answer:
        """The takeover drill on the lab."""
        words = ("run", "orders-takeover", "--inventory", str(self.lab.inventory), "--json", *more_words)
        return self.holdfast(*words, **more)

    def effects(self) -> list[tuple[str, str]]:
        return [(effect.what, effect.host) for effect in self.lab.effects()]

    def is_off(self, name: str) -> bool:
        """Whether a lab host has no power and runs nothing."""
        (host,) = (host for host in self.lab.status().hosts if host.name == name)
        return host.power == "off" and host.processes == 0

    def takes_orders(self) -> bool:
        """Whether the service commits an order now."""
        host, port = self.lab.service_url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10.0)
        try:
            body = json.dumps({"customer": "afterwards", "lines": [1]})
            connection.request("POST", "/orders", body, {"Content-Type": "application/json"})
            return connection.getresponse().status == 201
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def query(self, host: str, sql: str) -> list[str]:
        """Ask a lab database directly, past the program: one value a row."""
        vars_ = self.host(host)
        done = subprocess.run(
            [str(Path(vars_["pg_bin"]) / "psql"), "-XAtq", "-c", sql],
            env={
                "PGHOST": str(vars_["pg_host"]),
                "PGPORT": str(vars_["pg_port"]),
                "PGUSER": str(vars_["pg_user"]),
                "PGDATABASE": str(vars_["pg_database"]),
                "PGPASSFILE": str(vars_["pg_passfile"]),
                "PGCONNECT_TIMEOUT": "5",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.splitlines()

    def host(self, name: str) -> Mapping[str, Any]:
        from orchestrator.documents.inventory import load_inventory

        return load_inventory(self.lab.inventory).one(name).vars


@dataclass
class Observer:
    """A client of its own that places orders without pause and writes down what was acknowledged, and when."""

    url: str
    tried: list[tuple[int | None, float, float]] = field(default_factory=list)
    """Order number (None: not acknowledged), moment asked and moment of the answer (wall clock, seconds)."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        host, port = self.url.removeprefix("http://").split(":")
        body = json.dumps({"customer": "observer", "lines": [1]})
        while not self._stop.is_set():
            asked, number = time.time(), None
            connection = http.client.HTTPConnection(host, int(port), timeout=1.0)
            try:
                connection.request("POST", "/orders", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 201:
                    number = int(json.loads(text)["number"])
            except (OSError, http.client.HTTPException, ValueError):
                pass  # the outage: what is not acknowledged is not counted
            finally:
                connection.close()
            self.tried.append((number, asked, time.time()))
            self._stop.wait(0.02)

    @property
    def acknowledged(self) -> list[int]:
        """Numbers of the orders it was promised."""
        return [number for number, _, _ in self.tried if number is not None]

    def took_orders_after(self, moment: float) -> bool:
        return any(number is not None and asked > moment for number, asked, _ in self.tried)

    def outage(self, near: float) -> tuple[float, float]:
        """Seconds without service around the moment ``near``, at least and at most.

        The longest time between two acknowledgements in which orders failed; where none failed, the longest of all, in
        which one may have waited for the service. The service was there at some moment of each of the two orders, and
        was not at some moment of each that failed between them: a busy machine, on which the observer itself is not
        quick, makes what it knows less exact, and not wrong.
        """
        good = [(asked, done) for number, asked, done in self.tried if number is not None]
        # The first acknowledgement behind the moment may still belong to the time before the fault took hold.
        gaps = [(last, back) for last, back in pairwise(good) if back[1] > near - 1.0]
        assert gaps and good[0][1] <= near, "the observer saw no outage"
        vain = [(asked, done) for number, asked, done in self.tried if number is None]
        between = {gap: [one for one in vain if gap[0][1] <= one[0] < gap[1][0]] for gap in gaps}
        last, back = max((gap for gap in gaps if between[gap]), key=_length, default=max(gaps, key=_length))
        failed = between[last, back]
        return max(0.0, failed[-1][0] - failed[0][1]) if failed else 0.0, back[1] - last[0]


def _length(gap: tuple[tuple[float, float], tuple[float, float]]) -> float:
    return gap[1][1] - gap[0][1]


@contextmanager
def observing(url: str) -> Iterator[Observer]:
    observer = Observer(url)
    thread = threading.Thread(target=observer.look, daemon=True)
    thread.start()
    try:
        yield observer
    finally:
        observer._stop.set()
        thread.join(10)


def end(process: subprocess.Popen[str], how: int = signal.SIGKILL) -> None:
    """End a process this test started, and reap it."""
    if process.poll() is None:
        process.send_signal(how)
    process.communicate(timeout=60)
