"""The comparison itself: two cold runs are alike in everything, and what is planted is found."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from equality_case import CASES, Case, Ground, case
from equality_play import fits, play
from equality_seen import alike, differences, events, printed, tree

from orchestrator.executors import detached
from orchestrator.executors.ansible import cold
from orchestrator.executors.ansible_request import Request

Lay = Callable[[Case], None]
ALIKE = ("surroundings", "free")


def test_there_are_enough_cases_and_each_says_what_it_shows() -> None:
    assert len(CASES) >= 30
    assert len({one.says for one in CASES}) == len(CASES)


@pytest.mark.parametrize("name", ALIKE)
def test_two_cold_runs_are_alike(name: str, ground: Ground, lay: Lay) -> None:
    one = case(name)
    first = play(one, cold, ground, lay)
    fits(one, first)
    alike(first, play(one, cold, ground, lay))


def test_what_is_planted_is_found(ground: Ground, lay: Lay) -> None:
    def spoilt(directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]) -> None:
        words = [sys.executable, "-P", "-m", "orchestrator.executors.ansible_child", str(directory)]
        detached.start(
            directory,
            ["/bin/sh", "-c", 'umask 027; ulimit -n 500; trap "" USR1; exec "$@"', "sh", *words],
            env={**env, "PLANTED": "1"},
            stdin=json.dumps(replace(request, extravars={**request.extravars, "planted": 1}).to_body()).encode(),
            lock_fds=lock_fds,
            share_locks=True,
        )

    one = case("surroundings")
    found = list(differences(play(one, cold, ground, lay), play(one, spoilt, ground, lay)))
    around = "/disk/site/effects/surroundings.json/0/holds"
    for name in ("environment/PLANTED", "umask", "limits/RLIMIT_NOFILE", "signals"):
        assert any(line.startswith(f"{around}/{name}") for line in found), found
    assert any("/res/environment/PLANTED" in line for line in found), found
    assert any(line.startswith("/runner/step/0/env/PLANTED") for line in found), found
    assert any(line.startswith("/disk/site/effects/surroundings.json/0/mode") for line in found), found


def test_a_planted_event_line_file_or_right_is_found(tmp_path: Path) -> None:
    def event(name: str, host: str = "", **more: object) -> dict[str, object]:
        return {"event": {"event": name, "counter": 1, "event_data": {"host": host, **more}}}

    task, one, two = event("playbook_on_task_start"), event("runner_on_ok", "one"), event("runner_on_ok", "two")
    assert list(
        differences(events([task, one], "exact"), events([task, event("runner_on_ok", "one", changed=True)], "exact"))
    )
    assert list(differences(events([task, one, two], "exact"), events([task, two, one], "exact")))
    assert not list(differences(events([task, one, two], "task"), events([task, two, one], "task")))
    assert list(differences(events([task, one, two], "task"), events([one, task, two], "task")))
    assert list(differences(events([task, one], "exact"), events([task, one, one], "exact")))
    assert printed("TASK [a] **\nx\ny\n", "task") == printed("TASK [a] **\ny\nx\n", "task")
    assert printed("TASK [a] **\nx\nTASK [b] **\ny\n", "task") != printed("TASK [a] **\ny\nTASK [b] **\nx\n", "task")
    (tmp_path / "a").write_text("text")
    before = tree(tmp_path)
    (tmp_path / "a").chmod(0o600)
    assert list(differences(before, tree(tmp_path)))
    (tmp_path / "b").touch()
    assert any("/b" in line for line in differences(before, tree(tmp_path)))
