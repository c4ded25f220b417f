"""Loading a runbook with all that belongs to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.loading import load
from orchestrator.documents.workspace import Workspace
from orchestrator.errors import DocumentError, UsageError

NESTING = """\
runbook: outer
purpose: change
title: Outer
steps:
  - id: inner
    runbook: {file: %s}
"""


def test_the_sample_takeover_loads_with_estate_contract_inventory_and_drill(workspace: Workspace) -> None:
    loaded = load(workspace, "postgres-standby-takeover", drill="takeover-h1")
    assert loaded.file == "shared-component/takeover.yaml"
    assert loaded.site is not None and loaded.site.name == "east"
    assert loaded.inventory is not None and loaded.inventory.one("standby").address == "10.0.0.2"
    assert loaded.estate is not None and loaded.estate.systems["orders"].rto == 600
    assert loaded.service_level is not None and loaded.service_level.targets[1].resolve == 7200
    assert loaded.drill is not None and loaded.drill.objectives.rto == 240
    assert set(loaded.digests) == {"runbooks/shared-component/takeover.yaml", "playbooks/", "inventory"}
    assert loaded.sources["runbook"].at(("steps", 1, "timeout")) == (22, 14)
    assert loaded.material.site == "east"


@pytest.mark.parametrize(
    "name", ["shared-component/takeover.yaml", "shared-component/takeover", "runbooks/shared-component/takeover.yaml"]
)
def test_a_runbook_is_found_by_its_path_with_or_without_ending(workspace: Workspace, name: str) -> None:
    assert load(workspace, name).file == "shared-component/takeover.yaml"


def test_a_drill_alone_names_its_runbook(workspace: Workspace) -> None:
    assert load(workspace, drill="takeover-h1").runbook.runbook == "postgres-standby-takeover"


def test_the_problems_of_all_files_come_together(workspace: Workspace) -> None:
    root = workspace.root
    for name, old, new in (
        ("runbooks/shared-component/takeover.yaml", "budget: 20s", "budgt: 20s"),
        ("inventories/east/estate.yaml", "rpo: 1m", "rpo: 1"),
        ("inventories/east/hosts.yml", "10.0.0.2", "'{{ other }}'"),
    ):
        path = root / name
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DocumentError) as caught:
        load(workspace, "shared-component/takeover")
    found = {(Path(p.file).name, p.line, p.column) for p in caught.value.problems}
    assert found == {("takeover.yaml", 29, 5), ("estate.yaml", 9, 10), ("hosts.yml", 5, 43)}
    assert all(problem.mend for problem in caught.value.problems)


def test_runbooks_that_nest_each_other_are_refused_where_the_circle_closes(workspace: Workspace) -> None:
    (workspace.root / "runbooks/a.yaml").write_text(NESTING % "b.yaml")
    (workspace.root / "runbooks/b.yaml").write_text(NESTING % "a.yaml")
    with pytest.raises(DocumentError) as caught:
        load(workspace, "a")
    (problem,) = caught.value.problems
    assert problem.message == "runbooks nest each other: a.yaml -> b.yaml -> a.yaml"
    assert (Path(problem.file).name, problem.line, problem.column) == ("b.yaml", 6, 21)


def test_nested_runbooks_are_loaded_once_and_are_part_of_the_digests(workspace: Workspace) -> None:
    (workspace.root / "runbooks/a.yaml").write_text(NESTING % "shared-component/takeover.yaml")
    loaded = load(workspace, "a")
    assert set(loaded.nested) == {"shared-component/takeover.yaml"}
    assert "runbooks/shared-component/takeover.yaml" in loaded.digests


def test_a_nested_runbook_that_is_not_there_is_named_with_its_place(workspace: Workspace) -> None:
    (workspace.root / "runbooks/a.yaml").write_text(NESTING % "shared-component/takeovr.yaml")
    with pytest.raises(DocumentError) as caught:
        load(workspace, "a")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (6, 21)
    assert problem.mend == "did you mean 'shared-component/takeover.yaml'?"


def test_a_system_the_estate_does_not_have_is_named_with_its_place(workspace: Workspace) -> None:
    path = workspace.root / "runbooks/shared-component/takeover.yaml"
    path.write_text(path.read_text().replace("system: orders", "system: order"))
    with pytest.raises(DocumentError) as caught:
        load(workspace, "shared-component/takeover")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.mend) == (4, 9, "did you mean 'orders'?")


def test_an_explicit_inventory_comes_instead_of_the_site(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    text = (workspace.root / "inventories/east/hosts.yml").read_text().replace("10.0.0.2", "10.9.9.9")
    (other / "hosts.yml").write_text(text)
    loaded = load(workspace, "shared-component/takeover", inventory=other)
    assert loaded.inventory is not None and loaded.inventory.one("standby").address == "10.9.9.9"
    assert loaded.site is not None and loaded.site.name == "elsewhere"
    assert loaded.estate is None


def test_with_several_sites_one_must_be_named(workspace: Workspace) -> None:
    (workspace.root / "inventories/west").mkdir()
    (workspace.root / "inventories/west/hosts.yml").write_text("all: {hosts: {a: }}\n")
    with pytest.raises(UsageError, match="east, west"):
        load(workspace, "shared-component/takeover")
    assert load(workspace, "shared-component/takeover", site="east").estate is not None
