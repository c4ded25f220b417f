"""Papers: the record of a run, built from its journal alone; JSON, HTML (English and Chinese) and JUnit out."""

from __future__ import annotations

from orchestrator.records.build import build
from orchestrator.records.out import record_schema, to_json, to_junit, write_papers

__all__ = ["build", "record_schema", "to_json", "to_junit", "write_papers"]
