"""The engine's own cost of an event does not grow with the run."""

from __future__ import annotations

from typing import Any

import pytest
from engine_kit import FakeWorld
from engine_shapes import SHAPES

from orchestrator.engine.state import RunState
from orchestrator.testing import Stage


class Counted(dict[str, Any]):
    """A dict that counts how often something is looked up in it or read through."""

    looked_up = 0

    def __getitem__(self, key: str) -> Any:
        self.looked_up += 1
        return super().__getitem__(key)

    def __iter__(self) -> Any:
        self.looked_up += len(self)
        return super().__iter__()

    def items(self) -> Any:
        self.looked_up += len(self)
        return super().items()

    def values(self) -> Any:
        self.looked_up += len(self)
        return super().values()


class Watched(Stage):
    """Counts every access to the steps, of the state and of the plan, while the run is driven."""

    def runner(self, *args: Any, **more: Any) -> Any:
        runner = super().runner(*args, **more)
        self.counted = [Counted(self.state.steps), Counted(self.state.plan.by_id)]
        self.state.steps = self.counted[0]
        self.state.plan.__dict__["by_id"] = self.counted[1]
        return runner

    def accesses_per_event(self) -> float:
        return sum(counted.looked_up for counted in self.counted) / len(self.journal.kept)


def accesses(shape: str, size: int) -> float:
    make, script, ended = SHAPES[shape]
    run = Watched(make(size), FakeWorld(script=script, horizon=1e9))
    run.drive()
    assert run.state.ended == ended
    return run.accesses_per_event()


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_looked_up_as_often_per_event_in_a_large_run_as_in_a_small_one(shape: str) -> None:
    small, large = accesses(shape, 100), accesses(shape, 1000)
    assert large < small * 1.2 + 1, f"{small:.1f} accesses an event with 100 steps, {large:.1f} with 1000"
    assert large < 150


def test_a_large_run_is_the_fold_of_its_events() -> None:
    make, script, _ = SHAPES["ladders"]
    run = Stage(make(1000), FakeWorld(script=script, horizon=1e9))
    run.drive()
    again = RunState.from_events(run.journal.events())
    assert {name: one.status for name, one in again.steps.items()} == {n: s.status for n, s in run.state.steps.items()}
    assert len(run.journal.kept) == 2003
    assert [event.seq for event in run.journal.kept] == list(range(1, 2004))
