"""Every case gives the same events, results, output and effects through a warm Ansible as through a cold one."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from equality_case import CASES, Case, Ground
from equality_play import fits, play
from equality_seen import alike, begun_cold, begun_warm
from equality_warm import Warm

from orchestrator.executors.ansible import cold

Lay = Callable[[Case], None]


def _marked(one: Case) -> Any:
    marks: list[Any] = []
    if "sshd" in one.needs:
        marks.append(pytest.mark.sshd)
    if "root" in one.needs:
        marks += [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")]
    return pytest.param(one, id=one.name, marks=marks)


@pytest.mark.parametrize("one", [_marked(one) for one in CASES])
def test_warm_equals_cold(one: Case, ground: Ground, lay: Lay, warm: Warm) -> None:
    first = play(one, cold, ground, lay)
    fits(one, first)
    assert begun_warm(ground) == []
    second = play(one, warm.launch, ground, lay)
    # The reach of a check plays in a directory of its own, which no process was warmed for.
    assert [name for name in begun_cold(ground) if name != "reach"] == [], warm.said
    alike(first, second)
