"""What a job did, in one line for people: the entry in the command log."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def command_line(kind: str, spec: Mapping[str, Any]) -> str:
    """One line that says what was run or looked at. ``spec`` is the rendered, redacted document of the action."""
    say = _LINES.get(kind)
    return say(spec) if say is not None and spec else kind


def probe_line(probe: Mapping[str, Any]) -> str:
    """One line for a probe."""
    target = f" on {probe['target']}" if probe.get("target") else ""
    if probe.get("tcp"):
        return f"tcp {_part(probe['tcp'], 'address')}"
    if probe.get("http"):
        return f"http {_http(probe['http'])}"
    if probe.get("sql"):
        return f"sql{target}: {_part(probe['sql'], 'query')}"
    if probe.get("command"):
        return f"command{target}: {_words(probe['command'])}"
    if probe.get("testinfra"):
        asked = probe["testinfra"]
        read = ", ".join(map(str, asked.get("read", ())))
        return f"testinfra{target}: {asked.get('module')} {asked.get('name')} ({read})"
    return f"probe{target}"


def _part(value: Any, name: str) -> str:
    return str(value.get(name, "")) if isinstance(value, Mapping) else str(value)


def _http(asked: Any) -> str:
    if not isinstance(asked, Mapping):
        return f"GET {asked}"
    where = asked.get("url") or f"{asked.get('target')}:{asked.get('port')}{asked.get('path', '/')}"
    return f"{asked.get('method', 'GET')} {where}"


def _words(argv: Any) -> str:
    return shlex.join(map(str, argv)) if isinstance(argv, list | tuple) else str(argv)


def _ansible(spec: Mapping[str, Any]) -> str:
    tags = f" --tags {','.join(map(str, spec['tags']))}" if spec.get("tags") else ""
    return f"ansible-playbook {spec.get('playbook', '')} --limit {spec.get('limit', '')}{tags}"


def _fabric(spec: Mapping[str, Any]) -> str:
    return f"on {spec.get('host', '')}: {_words(spec.get('argv', ()))}"


def _marker(spec: Mapping[str, Any]) -> str:
    for verb in ("start", "measure"):
        if isinstance(spec.get(verb), Mapping):
            return f"markers: {verb} on {spec[verb].get('target', '')}"
    return "markers: stop"


def _wait(spec: Mapping[str, Any]) -> str:
    until = spec.get("until")
    if isinstance(until, Mapping):
        return f"wait until {probe_line(until.get('probe', {}))}"
    return f"wait {spec.get('duration', spec.get('for', ''))} s"


_LINES = {"ansible": _ansible, "fabric": _fabric, "probe": probe_line, "marker": _marker, "wait": _wait}
