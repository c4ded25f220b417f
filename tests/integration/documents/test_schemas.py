"""The published JSON Schemas: current, sound, and of one mind with the models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orchestrator.documents.files import read_file
from orchestrator.documents.parse import KINDS, parse
from orchestrator.documents.reader import read_text
from orchestrator.documents.schema import published, schema, schema_path, write_schemas
from orchestrator.documents.workspace import Workspace
from orchestrator.errors import DocumentError, UsageError

SAMPLES = {
    "runbook": "runbooks/shared-component/takeover.yaml",
    "estate": "inventories/east/estate.yaml",
    "service_level": "inventories/east/service-levels/contract-a.yaml",
    "drill": "drills/takeover-h1.yaml",
    "signs": "signs/primary-lost.yaml",
}


def validator(kind: str) -> Any:
    return jsonschema.Draft202012Validator(schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_schema_is_current(kind: str) -> None:
    text = schema_path(kind).read_text(encoding="utf-8")
    assert text == published(kind), "run orchestrator.documents.schema.write_schemas()"


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_a_sound_schema_of_its_draft(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_document_fits_its_schema(workspace: Workspace, kind: str) -> None:
    source = read_file(workspace.root / SAMPLES[kind])
    assert parse(source, KINDS[kind])
    assert list(validator(kind).iter_errors(source.data)) == []


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("runbook", "timeout: 30s", "timeout: 30"),
        ("runbook", "timeout: 30s", "timout: 30s"),
        ("runbook", "playbook: takeover/promote.yml", "playbook: ../promote.yml"),
        ("runbook", "shared-component", "shared"),
        ("runbook", "changes: false", "changes: 'no'"),
        ("runbook", "probe: {sql: 'select 1', target: service}", "probe: {}"),
        ("runbook", "fabric: {host: standby, argv: [pgstate, lag, --json]}", "fabric: {host: a, argv: pgstate lag}"),
        ("runbook", "  cluster: {type", "  Big Name: {type"),
        ("runbook", "{max: 30}", "{}"),
        ("estate", "owners: [wang]", "owners: []"),
        ("service_level", "'1': {respond", "'7': {respond"),
        ("drill", "type: full", "type: half"),
        ("signs", "probe: {tcp", "scripted: {tcp"),
        ("signs", "{not: primary}", "{never: primary}"),
        ("signs", "[standby, {not: primary}]", "[]"),
        ("signs", "parse: json", "parse: jason"),
    ],
)
def test_what_the_model_refuses_the_schema_refuses_too(workspace: Workspace, kind: str, old: str, new: str) -> None:
    text = (workspace.root / SAMPLES[kind]).read_text()
    assert old in text
    source = read_text(text.replace(old, new), "sample.yaml")
    with pytest.raises(DocumentError):
        parse(source, KINDS[kind])
    assert list(validator(kind).iter_errors(source.data))


def test_shorthands_fit_the_schema(workspace: Workspace) -> None:
    text = (workspace.root / SAMPLES["runbook"]).read_text()
    text = text.replace("{tcp: 'old_primary:5432'}", "{tcp: {address: 'old_primary:5432', timeout: 1s}}")
    text = text.replace("marks: service_restored", "marks: [service_restored, resolved]")
    source = read_text(text, "sample.yaml")
    assert parse(source, KINDS["runbook"])
    assert list(validator("runbook").iter_errors(source.data)) == []


def test_write_schemas_writes_every_kind(tmp_path: Path) -> None:
    assert [path.name for path in write_schemas(tmp_path)] == [f"{kind}.schema.json" for kind in KINDS]


def test_an_unknown_kind_is_named_with_what_there_is() -> None:
    with pytest.raises(UsageError, match="runbook, estate, service_level, drill, signs"):
        schema("runbok")
