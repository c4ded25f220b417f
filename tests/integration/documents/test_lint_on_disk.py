"""The lint over a real workspace."""

from __future__ import annotations

from orchestrator.documents.lint import lint
from orchestrator.documents.loading import load
from orchestrator.documents.workspace import Workspace


def test_the_sample_takeover_loads_and_lints_clean(workspace: Workspace) -> None:
    assert lint(load(workspace, "postgres-standby-takeover")) == []
    assert lint(load(workspace, drill="takeover-h1")) == []


def test_a_playbook_that_is_not_there_is_named_with_its_place(workspace: Workspace) -> None:
    (workspace.root / "playbooks/takeover/promote.yml").rename(workspace.root / "playbooks/takeover/promotion.yml")
    (problem,) = lint(load(workspace, "postgres-standby-takeover"))
    assert (problem.line, problem.column) == (28, 25)
    assert problem.mend == "did you mean 'takeover/promotion.yml'?"


def test_variables_beside_the_playbooks_are_a_warning(workspace: Workspace) -> None:
    (workspace.root / "playbooks/group_vars").mkdir()
    (problem,) = lint(load(workspace, "postgres-standby-takeover"))
    assert problem.warning and problem.file.endswith("playbooks/group_vars")
