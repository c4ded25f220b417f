"""Where a step does its work and what it does, in a few words: for the plan, the status and an interruption."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from orchestrator.cli.words import one_line
from orchestrator.model.duration import format_duration
from orchestrator.model.plan import PlannedStep


def place(kind: str, spec: Mapping[str, Any]) -> str:
    """The hosts (or group, or people) it happens on, as written in the runbook; empty where that means nothing."""
    if kind == "ansible":
        return str(spec.get("limit", ""))
    if kind == "fabric":
        return str(spec.get("host", ""))
    if kind == "probe":
        return _looked_at(spec)
    if kind == "wait":
        return _looked_at((spec.get("until") or {}).get("probe") or {})
    if kind == "marker":
        return str((spec.get("start") or spec.get("measure") or {}).get("target", ""))
    if kind == "approve":
        return ", ".join(spec.get("of") or ()) or "anybody but the starter"
    return "a person" if kind == "manual" else ""


def _looked_at(probe: Mapping[str, Any]) -> str:
    if "tcp" in probe:
        return str(probe["tcp"].get("address", ""))
    if "http" in probe:
        http = probe["http"]
        return str(http.get("url") or http.get("target", ""))
    return str(probe.get("target", ""))


def deed(kind: str, spec: Mapping[str, Any]) -> str:
    """What is done, on one line; templates as they are written."""
    return one_line(_deed(kind, spec))


def _deed(kind: str, spec: Mapping[str, Any]) -> str:
    if kind == "ansible":
        return f"ansible {spec.get('playbook', '')}"
    if kind == "fabric":
        return f"run {shlex.join(map(str, spec.get('argv', ())))}"
    if kind == "probe":
        return f"look: {_look(spec)}"
    if kind == "wait":
        if spec.get("duration") is not None:
            return f"wait {format_duration(float(spec['duration']))}"
        return f"wait until: {_look((spec.get('until') or {}).get('probe') or {})}"
    if kind == "marker":
        return f"markers: {next(iter(spec), '')}"
    if kind in ("approve", "manual"):
        text = spec.get("question" if kind == "approve" else "instructions") or ""
        text = text.get("en", "") if isinstance(text, Mapping) else str(text)
        return f"{'ask' if kind == 'approve' else 'by hand'}: {text}"
    return "scripted, does nothing" if kind == "scripted" else kind


def _look(probe: Mapping[str, Any]) -> str:
    if "tcp" in probe:
        return f"tcp {probe['tcp'].get('address', '')}"
    if "http" in probe:
        return f"http {probe['http'].get('path') or probe['http'].get('url') or ''}"
    if "sql" in probe:
        return f"sql {probe['sql'].get('query', '')}"
    if "command" in probe:
        return shlex.join(map(str, probe["command"]))
    if "testinfra" in probe:
        return f"{probe['testinfra'].get('module', '')} {probe['testinfra'].get('name', '')}"
    return "nothing"


def way_back(step: PlannedStep) -> str:
    """How the step is taken back."""
    if step.undo is not None:
        return one_line(_deed(step.undo.kind, step.undo.spec))
    if step.irreversible:
        return f"IRREVERSIBLE: {one_line(step.irreversible)}"
    return "" if step.changes else "changes nothing"
