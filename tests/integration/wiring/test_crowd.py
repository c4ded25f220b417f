"""A crowd of runs takes turns less often, and leaves the process as it was."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from orchestrator.wiring import driving
from orchestrator.wiring.crowd import MANY, TURN, one_of_many


def test_turns_are_longer_while_many_runs_are_driven_and_as_before_afterwards() -> None:
    before = sys.getswitchinterval()
    with ExitStack() as stack:
        for _ in range(MANY - 1):
            stack.enter_context(one_of_many())
        assert sys.getswitchinterval() == before
        with one_of_many(), one_of_many():
            assert round(sys.getswitchinterval(), 6) == TURN
        assert round(sys.getswitchinterval(), 6) == round(before, 6)
    assert round(sys.getswitchinterval(), 6) == round(before, 6)


def test_runs_begun_in_the_same_second_are_called_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(["aaaaaa", "aaaaaa", "bbbbbb", "aaaaaa"])
    monkeypatch.setattr("secrets.token_hex", lambda _size: next(numbers))
    moment, later = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2001, 2, 3, 4, 5, 7, tzinfo=UTC)
    names = [driving.new_run_id(one) for one in (moment, moment, later)]
    assert names == ["20010203-040506-aaaaaa", "20010203-040506-bbbbbb", "20010203-040507-aaaaaa"]
