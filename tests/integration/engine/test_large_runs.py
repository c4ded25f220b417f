from __future__ import annotations

import time

import pytest
from engine_shapes import SHAPES

from orchestrator.engine.state import RunState
from orchestrator.testing import FakeWorld, Stage


@pytest.mark.parametrize("shape", SHAPES)
def test_ten_thousand_steps_come_to_their_end_in_good_time(shape: str) -> None:
    make, script, ended = SHAPES[shape]
    run = Stage(make(10_000), FakeWorld(script=script, horizon=1e9))
    before = time.monotonic()
    run.drive()
    assert run.state.ended == ended
    # A few seconds on an idle machine. Anything that grows with the run squared would take an hour.
    assert time.monotonic() - before < 120
    again = RunState.from_events(run.journal.events())
    assert {name: one.status for name, one in again.steps.items()} == {n: s.status for n, s in run.state.steps.items()}
