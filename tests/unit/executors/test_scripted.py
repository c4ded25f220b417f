"""The scripted executor ends as told."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.executors.contract import Wish
from orchestrator.executors.scripted import ScriptedExecutor
from orchestrator.model.document import Mode
from orchestrator.model.job import Job, Phase
from orchestrator.model.outcome import Ending


class Reins:
    """A Control that waits in no time."""

    def __init__(self, wish: Wish = Wish.GO, left: float = 60.0) -> None:
        self.wish = wish
        self.left = left
        self.waited = 0.0

    def wait(self, seconds: float) -> Wish:
        self.waited += seconds
        return self.wish

    def remaining(self) -> float:
        return self.left


def job(attempt: int = 1, **spec: Any) -> Job:
    return Job(
        run_id="r", step="s", phase=Phase.ACTION, attempt=attempt, ident="s.action.1", kind="scripted",
        spec=spec, timeout=60.0, mode=Mode.DRILL, directory="/nowhere",
    )  # fmt: skip


@pytest.mark.parametrize(("attempt", "ending"), [(1, "failed"), (2, "unknown"), (3, "ok"), (4, "ok")])
def test_each_attempt_has_its_entry_and_the_last_repeats(attempt: int, ending: str) -> None:
    script = job(attempt, ends=["failed", "unknown", "ok"], output={"lag_s": 3})
    outcome = ScriptedExecutor().run(script, Reins())
    assert outcome.ending == ending
    assert outcome.output == {"lag_s": 3}
    assert bool(outcome.error) == (ending != "ok")


def test_it_takes_its_time() -> None:
    reins = Reins()
    assert ScriptedExecutor().run(job(takes="2s"), reins).ok
    assert reins.waited == 2.0


def test_it_is_unknown_when_the_timeout_comes_first() -> None:
    reins = Reins(left=1.0)
    outcome = ScriptedExecutor().run(job(takes="2s"), reins)
    assert outcome.ending is Ending.UNKNOWN and "may have completed anyway" in outcome.error
    assert reins.waited == 1.0


@pytest.mark.parametrize("wish", [Wish.CANCEL, Wish.DETACH])
def test_stopped_or_let_go_it_is_unknown(wish: Wish) -> None:
    assert ScriptedExecutor().run(job(takes="2s"), Reins(wish)).ending is Ending.UNKNOWN


def test_there_is_nothing_to_attach_to() -> None:
    assert ScriptedExecutor().attach(job(), Reins()).ending is Ending.NOT_STARTED


def test_a_check_reads_the_script() -> None:
    assert ScriptedExecutor().check(job(ends=["failed"]), Reins()).ok
