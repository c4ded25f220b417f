"""The record as files: JSON (schema published beside this file), HTML in both languages, JUnit XML."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from orchestrator.model.record import Record

SCHEMA_FILE = Path(__file__).with_name("record.schema.json")


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record, as published in ``record.schema.json``."""
    schema = Record.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:holdfast:record:1",
        **schema,
    }


def schema_text() -> str:
    """The published schema file's text."""
    return json.dumps(record_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def to_json(record: Record) -> str:
    """The record as JSON, the same bytes for the same record: sorted keys, two spaces, a newline at the end."""
    data = record.model_dump(mode="json")
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Record:
    """The record that ``to_json`` wrote. Raises pydantic's ValidationError for anything else."""
    return Record.model_validate_json(text)


def to_junit(record: Record) -> str:
    """The record as JUnit XML: one test case a step, the objectives as three more."""
    from orchestrator.records.junit import junit

    return junit(record)


def texts(record: Record) -> dict[str, str]:
    """The record's files by name: record.json, record.en.html, record.zh.html and record.junit.xml."""
    from orchestrator.records.html import render

    return {
        "record.json": to_json(record),
        "record.en.html": render(record, "en"),
        "record.zh.html": render(record, "zh"),
        "record.junit.xml": to_junit(record),
    }


def write_papers(record: Record, directory: Path) -> list[Path]:
    """Write record.json, record.en.html, record.zh.html and record.junit.xml. Answers their paths.

    Each file is either whole or not there (written beside, synced, renamed); 0600, for records name people and
    hosts. Raises OSError where the disk refuses.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [_write(directory / name, text) for name, text in texts(record).items()]


def _write(path: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return path
