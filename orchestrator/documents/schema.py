"""JSON Schemas of the documents, made from the models, for editors and for other people's tools.

The published files are ``orchestrator/documents/schemas/<kind>.schema.json``; ``write_schemas`` renews them after a
model has changed, and a test says when it was forgotten. A schema says less than the lint: rules that need more than
one place of a document are not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.documents.parse import KINDS
from orchestrator.errors import UsageError
from orchestrator.model.actions import ACTIONS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DIRECTORY = Path(__file__).parent / "schemas"

_EXACTLY_ONE: dict[str, tuple[str, ...]] = {
    "Step": tuple(ACTIONS),
    "Undo": ("ansible", "fabric", "manual", "scripted"),
    "ProbeAction": ("tcp", "http", "sql", "command", "testinfra"),
    "MarkerAction": ("start", "stop", "measure"),
    "WaitAction": ("until", "for"),
    "Look": ("probe", "fabric"),
    "ConditionBody": ("holds", "unseen", "not", "all", "any"),
}
"""Rules that the models check in code: of these keys, one and only one."""


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind of document. Raises UsageError for a kind there is not."""
    if kind not in KINDS:
        raise UsageError(f"there is no kind of document {kind!r}", mend=f"there are: {', '.join(KINDS)}")
    body = KINDS[kind].model_json_schema(by_alias=True, mode="validation")
    for part in _parts(body):
        _tidy(part)
    for name, keys in _EXACTLY_ONE.items():
        if name in body.get("$defs", {}):
            body["$defs"][name]["oneOf"] = [{"required": [key]} for key in keys]
    if kind == "service_level":
        # Keys are texts in JSON; pydantic reads the severity out of them but does not say so in its schema.
        body["properties"]["targets"]["propertyNames"] = {"pattern": "^[0-4]$"}
    # The first key says what a document is, so it is always there.
    return {"$schema": DIALECT, "title": f"Holdfast {kind.replace('_', ' ')}", **_without(body, "title")}


def schema_path(kind: str) -> Path:
    """Where the published schema of this kind is."""
    return DIRECTORY / f"{kind}.schema.json"


def published(kind: str) -> str:
    """The text of the published file as it should be."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path = DIRECTORY) -> list[Path]:
    """Write all schema files; answers their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        path = directory / schema_path(kind).name
        path.write_text(published(kind), encoding="utf-8")
        written.append(path)
    return written


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _tidy(part: dict[str, Any]) -> None:
    if "patternProperties" in part:
        # A mapping whose keys are names: a key that is none is an error, as it is to the models.
        part.setdefault("additionalProperties", False)
    if isinstance(part.get("properties"), dict):
        for one in part["properties"].values():
            if isinstance(one, dict):
                # The key is title enough, and an empty default only says "may be left out".
                one.pop("title", None)
                if isinstance(one.get("default"), dict | list | None):
                    one.pop("default", None)
    if isinstance(part.get("description"), str):
        part["description"] = " ".join(part["description"].replace("``", "`").split())


def _without(body: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != key}
