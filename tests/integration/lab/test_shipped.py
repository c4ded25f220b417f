"""The shipped workspace: every document is valid, and the lint has nothing to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.files import read_file
from orchestrator.documents.lint import lint
from orchestrator.documents.loading import load
from orchestrator.documents.parse import parse
from orchestrator.documents.workspace import Workspace
from orchestrator.lab import site
from orchestrator.lab.lab import Lab
from orchestrator.model.estate import Estate, ServiceLevel

ROOT = Path(__file__).parents[3]
DRILLS = ("orders-takeover", "orders-restore")


@pytest.mark.parametrize("drill", DRILLS)
def test_each_shipped_drill_is_clean_in_the_lab(lab: Lab, drill: str) -> None:
    loaded = load(Workspace(ROOT), drill=drill, inventory=lab.inventory)
    assert lint(loaded) == []
    assert loaded.site is not None and loaded.site.name == "lab"
    assert loaded.service_level is not None


@pytest.mark.parametrize("runbook", ["shared-component/postgres-standby-takeover", "restore/postgres-restore-test"])
def test_each_shipped_runbook_is_clean_at_the_example_site(runbook: str) -> None:
    assert lint(load(Workspace(ROOT), runbook, site="example")) == []


def test_the_labs_contract_is_the_shipped_one() -> None:
    shipped = parse(read_file(ROOT / "inventories/example/service-levels/contract-a.yaml"), ServiceLevel)
    assert ServiceLevel.model_validate(site.service_level()) == shipped


def test_the_example_estate_and_contract_b_are_valid() -> None:
    parse(read_file(ROOT / "inventories/example/service-levels/contract-b.yaml"), ServiceLevel)
    estate = parse(read_file(ROOT / "inventories/example/estate.yaml"), Estate)
    assert all(system.owners for system in estate.systems.values())


@pytest.mark.parametrize("folder", ["runbooks", "drills", "inventories/example"])
def test_every_shipped_document_tells_the_editor_its_schema(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.yaml"):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        mark = "# yaml-language-server: $schema="
        assert first.startswith(mark), file
        assert (file.parent / first.removeprefix(mark)).resolve().is_file(), file
