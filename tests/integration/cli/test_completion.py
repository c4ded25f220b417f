"""What the shell offers when Tab is pressed; and never an error."""

from __future__ import annotations

import pytest
from desk_kit import Desk


def offered(desk: Desk, line: str, **env: str) -> list[str]:
    words = line.split()
    current = len(words) if line.endswith(" ") else len(words) - 1
    answer = desk(_HOLDFAST_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(current), **env)
    assert answer.err == ""
    return answer.out.split()


def test_commands_are_offered(desk: Desk) -> None:
    assert offered(desk, "holdfast re") == ["resume", "reject", "retry", "record"]


def test_runbooks_and_drills_are_offered(desk: Desk) -> None:
    assert offered(desk, "holdfast run g") == ["good.yaml"]
    assert offered(desk, "holdfast plan dr") == ["drills/autumn.yaml", "drills/talk.yaml"]


def test_runs_are_offered_with_their_beginning(desk: Desk) -> None:
    desk("run", "people", "--mode", "drill", "--no-wait")
    run = desk.run_id()
    assert offered(desk, f"holdfast resume {run[:6]}") == [run]
    assert offered(desk, "holdfast status la") == ["last"]
    assert run in offered(desk, "holdfast journal 2")
    assert "import" in offered(desk, "holdfast journal i")


def test_the_steps_that_wait_are_offered(desk: Desk) -> None:
    desk("run", "people", "--mode", "drill", "--no-wait")
    assert offered(desk, "holdfast approve last ") == ["go"]


def test_sites_kinds_and_faults_are_offered(desk: Desk) -> None:
    assert offered(desk, "holdfast run good --site ") == ["here"]
    assert offered(desk, "holdfast schema ru") == ["runbook"]
    assert "primary-killed" in offered(desk, "holdfast lab break primary-k")


def test_the_options_before_the_command_count(desk: Desk) -> None:
    desk("run", "good", "--mode", "drill")
    run = desk.run_id()
    env = {"HOLDFAST_STATE": "/nowhere"}
    assert offered(desk, f"holdfast --state {desk.state} status 2", **env) == [run]


@pytest.mark.parametrize("line", ["holdfast resume ", "holdfast approve last ", "holdfast run x --site "])
def test_where_nothing_can_be_told_nothing_is_offered(desk: Desk, line: str) -> None:
    found = offered(desk, line, HOLDFAST_WORKSPACE="/nowhere", HOLDFAST_STORE="/proc/nowhere")
    assert found == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_shown(desk: Desk, shell: str) -> None:
    answer = desk(_HOLDFAST_COMPLETE=f"source_{shell}")
    assert answer.code == 0
    assert "_HOLDFAST_COMPLETE" in answer.out
