"""Ansible begins to warm up before anything is known but the name of the runbook: nothing of that stays behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk_kit import Desk
from executors_kit import until

RUNBOOK = """\
runbook: {name}
purpose: change
title: One playbook
steps:
  - id: s
    ansible: {{playbook: {playbook}, limit: here}}
    timeout: 60s
    changes: false
"""


@pytest.fixture
def place(desk: Desk, tmp_path: Path) -> Path:
    """Where the warm process has its directory; the workspace has a runbook that can run and one that can not."""
    play = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.raw": "true"}]}]
    desk.write("playbooks/there.yml", json.dumps(play))
    desk.write("runbooks/plays.yaml", RUNBOOK.format(name="plays", playbook="there.yml"))
    desk.write("runbooks/lost.yaml", RUNBOOK.format(name="lost", playbook="missing.yml"))
    place = tmp_path / "tmp"
    place.mkdir()
    return place


def _warm_processes(place: Path) -> list[str]:
    """The command lines of those that were told a directory in ``place``."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"{place}/warm-" in words:
            found.append(words)
    return found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("plays", "--mode", "drill"), 0),
        (("lost", "--mode", "drill"), 2),
        (("plays", "--mode", "drill", "--onset", "never"), 2),
        (("good", "--mode", "drill"), 5),
    ],
    ids=["that-ran", "that-is-refused", "with-words-that-mean-nothing", "without-an-ansible-step"],
)
def test_after_a_run_nothing_of_warm_ansible_is_there(
    desk: Desk, place: Path, words: tuple[str, ...], code: int
) -> None:
    answer = desk("run", *words, TMPDIR=str(place))
    assert answer.code == code, answer
    # The command has seen it off before it ended.
    assert [file.name for file in place.glob("warm-*")] == []
    until(lambda: _warm_processes(place) == [])
