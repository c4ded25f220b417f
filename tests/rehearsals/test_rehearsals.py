"""Every shipped runbook is played: each YAML file here is a play, and what must come out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.workspace import Workspace
from orchestrator.model.rehearsal import Rehearsal
from orchestrator.testing.rehearsing import play, read_rehearsal

HERE = Path(__file__).parent
WORKSPACE = Workspace(HERE.parents[1])
FILES = sorted(HERE.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_comes_out_as_expected(path: Path) -> None:
    played = play(read_rehearsal(path, path.name), WORKSPACE)
    assert not played.problems, "\n" + "\n".join(played.problems)


def test_each_file_is_named_like_its_rehearsal() -> None:
    assert [read_rehearsal(path).rehearsal for path in FILES] == [path.stem for path in FILES]


def runbook_of(rehearsal: Rehearsal) -> str:
    if rehearsal.runbook is not None:
        return WORKSPACE.find_runbook(rehearsal.runbook)
    assert rehearsal.drill is not None
    return play(rehearsal, WORKSPACE).stage.plan.runbook


def test_every_shipped_runbook_has_a_success_and_a_failure_rehearsal() -> None:
    ends: dict[str, set[str]] = {}
    for path in FILES:
        rehearsal = read_rehearsal(path)
        name = play(rehearsal, WORKSPACE).stage.plan.runbook
        ends.setdefault(name, set()).add(rehearsal.expected.run)
    for file in WORKSPACE.runbooks():
        name = Path(file).stem
        assert "succeeded" in ends.get(name, set()), f"{file} has no rehearsal that succeeds"
        assert ends[name] - {"succeeded"}, f"{file} has no rehearsal that fails"
