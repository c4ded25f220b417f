"""The wait executor with real time and a real port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from executors_kit import Reins, free_port, inventory_of

from orchestrator.executors.contract import Wish
from orchestrator.executors.wait import WaitExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending
from orchestrator.wiring.clock import SystemClock

EXECUTOR = WaitExecutor(inventory_of(Host("db", {"ansible_host": "127.0.0.1"})), SystemClock())


def test_it_waits_until_the_check_holds(make_job: Callable[..., Job]) -> None:
    port = free_port()
    held: list[socket.socket] = []
    timer = threading.Timer(0.4, lambda: held.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    job = make_job("wait", {"until": {"probe": {"tcp": f"db:{port}"}, "every": "50ms"}})
    outcome = EXECUTOR.run(job, Reins())
    timer.join()
    held[0].close()
    assert outcome.ok and outcome.output["looked"] > 3
    assert "held_at" in outcome.milestones


def test_when_the_steps_time_is_over_it_fails_and_names_what_is_missing(make_job: Callable[..., Job]) -> None:
    spec = {"until": {"probe": {"tcp": f"127.0.0.1:{free_port()}"}, "expect": {"open": True}, "every": "50ms"}}
    outcome = EXECUTOR.run(make_job("wait", spec), Reins(0.5))
    assert outcome.ending is Ending.FAILED
    assert "open: wanted True, got False" in outcome.error


def test_an_expectation_can_be_the_opposite_of_the_natural_one(make_job: Callable[..., Job]) -> None:
    spec = {"until": {"probe": {"tcp": f"127.0.0.1:{free_port()}"}, "expect": {"open": False}}}
    assert EXECUTOR.run(make_job("wait", spec), Reins()).ok


def test_a_fixed_time_let_go_in_between_is_waited_for_once(make_job: Callable[..., Job]) -> None:
    job, reins = make_job("wait", {"for": "1s"}), Reins()
    timer = threading.Timer(0.4, reins.pull, (Wish.DETACH,))
    began = time.monotonic()
    timer.start()
    assert EXECUTOR.run(job, reins).ending is Ending.LEFT
    timer.join()
    assert EXECUTOR.attach(job, Reins()).ok
    assert 0.95 < time.monotonic() - began < 1.8


def test_a_look_that_was_broken_off_is_begun_anew(make_job: Callable[..., Job]) -> None:
    job = make_job("wait", {"until": {"probe": {"tcp": "127.0.0.1:1"}}})
    Path(job.directory).mkdir()
    assert EXECUTOR.attach(job, Reins()).ending is Ending.NOT_STARTED


def test_a_timeout_shorter_than_the_wait_fails(make_job: Callable[..., Job]) -> None:
    outcome = EXECUTOR.run(make_job("wait", {"for": "20s"}), Reins(0.1))
    assert outcome.ending is Ending.FAILED
    assert "timeout is shorter" in outcome.error


def test_a_cancelled_wait_is_unknown(make_job: Callable[..., Job]) -> None:
    reins = Reins()
    reins.pull(Wish.CANCEL)
    assert EXECUTOR.run(make_job("wait", {"for": "20s"}), reins).ending is Ending.UNKNOWN


def test_check_mode_looks_once_and_waits_for_nothing(make_job: Callable[..., Job]) -> None:
    shut = make_job("wait", {"until": {"probe": {"tcp": f"127.0.0.1:{free_port()}"}}})
    assert EXECUTOR.check(shut, Reins()).ok, "a closed port is a sight"
    assert EXECUTOR.check(make_job("wait", {"until": {"probe": {"tcp": "nowhere.invalid:1"}}}), Reins()).ok is False
    assert EXECUTOR.check(make_job("wait", {"for": "1h"}), Reins()).ok
