"""The workspace that is shipped: every document fits its schema, lints clean, and tells editors which schema it has."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from orchestrator.documents.files import read_file
from orchestrator.documents.lint import lint
from orchestrator.documents.lint.signs import lint_signs
from orchestrator.documents.loading import load
from orchestrator.documents.parse import KINDS, kind_of, parse
from orchestrator.documents.schema import schema, schema_path
from orchestrator.documents.workspace import Workspace

ROOT = Path(__file__).parents[3]
SHIPPED = Workspace(ROOT)
DOCUMENTS = sorted(
    [
        *(ROOT / "runbooks").rglob("*.yaml"),
        *(ROOT / "drills").rglob("*.yaml"),
        *(ROOT / "signs").rglob("*.yaml"),
        *(ROOT / "inventories").glob("*/estate.yaml"),
        *(ROOT / "inventories").rglob("service-levels/*.yaml"),
    ]
)


def test_there_are_documents_of_every_kind() -> None:
    assert {kind_of(read_file(path)) for path in DOCUMENTS} == set(KINDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_shipped_document_fits_its_schema_and_names_it(path: Path) -> None:
    source = read_file(path)
    kind = kind_of(source)
    assert parse(source, KINDS[kind])
    assert list(jsonschema.Draft202012Validator(schema(kind)).iter_errors(source.data)) == []
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == schema_path(kind).resolve(), first


@pytest.mark.parametrize("name", SHIPPED.runbooks())
@pytest.mark.parametrize("site", SHIPPED.sites())
def test_a_shipped_runbook_lints_clean(name: str, site: str) -> None:
    assert [str(problem) for problem in lint(load(SHIPPED, name, site=site))] == []


@pytest.mark.parametrize("name", SHIPPED.drills())
@pytest.mark.parametrize("site", SHIPPED.sites())
def test_a_shipped_drill_lints_clean(name: str, site: str) -> None:
    assert [str(problem) for problem in lint(load(SHIPPED, drill=name, site=site))] == []


@pytest.mark.parametrize("name", SHIPPED.signs())
@pytest.mark.parametrize("site", SHIPPED.sites())
def test_shipped_signs_lint_clean(name: str, site: str) -> None:
    assert [str(problem) for problem in lint_signs(SHIPPED, name, site=site, inventory=None)] == []
