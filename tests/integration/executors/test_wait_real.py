"""The wait executor with real time and a real port."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from executors_kit import Counting, Reins, free_port, inventory_of, shut_port, until

from orchestrator.executors.contract import Wish
from orchestrator.executors.wait import WaitExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending
from orchestrator.wiring.clock import SystemClock

EXECUTOR = WaitExecutor(inventory_of(Host("db", {"ansible_host": "127.0.0.1"})), SystemClock())


def test_it_waits_until_the_check_holds(make_job: Callable[..., Job]) -> None:
    with shut_port() as held:
        job = make_job("wait", {"until": {"probe": {"tcp": f"db:{held.getsockname()[1]}"}, "every": "50ms"}})
        outcome = EXECUTOR.run(job, Counting(3, held.listen))
    assert outcome.ok and outcome.output["looked"] == 4
    assert "held_at" in outcome.milestones


def test_when_the_steps_time_is_over_it_fails_and_names_what_is_missing(make_job: Callable[..., Job]) -> None:
    spec = {"until": {"probe": {"tcp": f"127.0.0.1:{free_port()}"}, "expect": {"open": True}, "every": "50ms"}}
    outcome = EXECUTOR.run(make_job("wait", spec), Reins(0.5))
    assert outcome.ending is Ending.FAILED
    assert "open: wanted True, got False" in outcome.error


def test_an_expectation_can_be_the_opposite_of_the_natural_one(make_job: Callable[..., Job]) -> None:
    spec = {"until": {"probe": {"tcp": f"127.0.0.1:{free_port()}"}, "expect": {"open": False}}}
    assert EXECUTOR.run(make_job("wait", spec), Reins()).ok


class Noting(Reins):
    """Reins that note for how long they are waited on, and when that begins."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[tuple[float, float]] = []

    def wait(self, seconds: float) -> Wish:
        self.waits.append((time.monotonic(), seconds))
        return super().wait(seconds)


def test_a_fixed_time_let_go_in_between_is_waited_for_once(make_job: Callable[..., Job]) -> None:
    job, first, second = make_job("wait", {"for": "1s"}), Noting(), Noting()
    began = time.monotonic()
    first.pull(Wish.DETACH)
    assert EXECUTOR.run(job, first).ending is Ending.LEFT
    until(lambda: time.monotonic() > began + 0.4)
    again = time.monotonic()
    assert EXECUTOR.attach(job, second).ok
    assert time.monotonic() - began > 0.95, "all of it is waited for"
    asked = second.waits[0][1] if second.waits else 0.0
    assert asked < 1.05 - (again - first.waits[0][0]), "and no more than the rest of it a second time"


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
