"""Ctrl-C, SIGTERM and a closed terminal: nothing is asked, nothing is stopped halfway, and the way on is said."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from desk_kit import Desk


def wait_until(what: str, holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def at_work(desk: Desk, *words: str, **more: object) -> tuple[subprocess.Popen[str], Path]:
    """A run in the middle of its step, which ends when it is let on, or after a minute."""
    slow, gate = desk.root / "runbooks/slow.yaml", 'until [ -e "$0.go" ] || [ $((n+=1)) -gt 1200 ]; do sleep 0.05; done'
    text = slow.read_text()
    assert "sleep 3;" in text
    slow.write_text(text.replace("sleep 3;", f"{gate};"))
    notes = desk.root / "notes"
    process = desk.start("run", "slow", "--mode", "drill", "--input", f"notes={notes}", *words, **more)
    wait_until("the step has begun", lambda: notes.exists() and notes.read_text() == "begun\n")
    return process, notes


def let_on(notes: Path) -> None:
    notes.with_name("notes.go").touch()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_run_is_told_and_resumed_without_doing_anything_twice(
    desk: Desk, number: signal.Signals, code: int
) -> None:
    process, notes = at_work(desk)
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == code, out + errors
    assert "Traceback" not in errors
    run = desk.run_id()
    assert f"interrupted ({number.name})" in out
    assert "Nothing was stopped halfway." in out
    assert "still at work: work on here (job work.action.1)" in out
    assert f"holdfast resume {run}" in out
    let_on(notes)
    wait_until("the step has ended by itself", lambda: notes.read_text() == "begun\nended\n")
    answer = desk("resume", "last")
    assert answer.code == 5, answer
    assert "found again" in answer.out
    assert notes.read_text() == "begun\nended\n"


def test_a_run_with_json_says_what_runs_in_its_summary(desk: Desk) -> None:
    process, notes = at_work(desk, "--json")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert '"running": ["work.action.1"]' in out.splitlines()[-1]
    assert '"exit_code": 143' in out.splitlines()[-1]
    let_on(notes)


def test_a_second_ctrl_c_leaves_at_once(desk: Desk) -> None:
    process, notes = at_work(desk)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() < begun + 60:
        if time.monotonic() < begun + 1.5:
            process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"holdfast resume {desk.run_id()}" in out + errors
    let_on(notes)
    wait_until("the step has ended by itself", lambda: notes.read_text() == "begun\nended\n")
    assert desk("resume", "last").code == 5


def test_a_run_started_with_nohup_outlives_its_terminal(desk: Desk) -> None:
    process, notes = at_work(desk, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    let_on(notes)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 5
    assert "succeeded" in out
    assert notes.read_text() == "begun\nended\n"


def test_ctrl_c_elsewhere_ends_quietly(desk: Desk) -> None:
    assert desk("run", "people", "--mode", "drill", "--no-wait").code == 6
    process = desk.start("journal", "last", "--follow")
    assert process.stdout is not None
    while "no longer driven" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == "interrupted\n"


def test_a_journal_is_followed_to_its_end(desk: Desk) -> None:
    process, notes = at_work(desk)
    following = desk.start("journal", "last", "--follow")
    let_on(notes)
    out, _ = following.communicate(timeout=120)
    process.communicate(timeout=120)
    assert following.returncode == 0
    assert out.splitlines()[-1].endswith("the run has ended: succeeded")


def test_a_live_run_is_decided_from_another_terminal(desk: Desk) -> None:
    process = desk.start("run", "people", "--mode", "drill")
    assert process.stdout is not None
    while "WAITING for an approval" not in process.stdout.readline():
        pass
    refused = desk("approve", "last", "go", "--by", "somebody")
    assert refused.code == 7
    assert "does not approve" in refused.err
    taken = desk("approve", "last", "go", "--by", "li")
    assert taken.code == 0
    assert "taken by run" in taken.out
    assert desk("mark-done", "last", "rack").code == 0
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "REFUSED: approve go by somebody" in out
