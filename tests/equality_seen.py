"""What is looked at after a playbook has ended, and how two such looks are compared.

Left out is only what no two runs of ansible-playbook have in common: identifiers, process numbers, times and the
random part of temporary names. Everything else counts.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from equality_case import Case, Ground

from orchestrator.executors.ansible_child import RESULT
from orchestrator.executors.jobdir import OUT
from orchestrator.model.outcome import Outcome

Seen = dict[str, Any]

_DROPPED = frozenset(
    {
        *("uuid", "parent_uuid", "play_uuid", "task_uuid", "playbook_uuid", "pid", "created"),
        *("start", "end", "delta", "duration", "started_at", "atime", "mtime", "ctime", "inode", "dev", "version"),
        *("ansible_date_time", "ansible_loadavg", "ansible_uptime_seconds"),
    }
)
_ORDER = frozenset({"counter", "start_line", "end_line"})
"""Say where in the whole an event or its lines came; mean something only where the order does."""
_VOLATILE = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:?\d\d|Z)?", "<time>"),
        (r"\b\d+:\d\d:\d\d\.\d{3,}", "<span>"),
        (r"ansible-tmp-[\d.]+-\d+-\d+", "<remote-tmp>"),
        (r"ansible-local-\d+\w{8}", "<local-tmp>"),
        (r"\bj\d+\.\d+", "<async-job>"),
        (r"_payload_\w{8}", "_payload_<random>"),
        (r"(?<=[/.])(tmp|check-)[a-z0-9_]{8}\b", r"\1<random>"),
        (r"\b0x[0-9a-f]{6,}", "<address>"),
        (r"^\.[a-z0-9_]{8}$", ".<random>"),
        (r"\bPaused for [\d.]+", "Paused for <seconds>"),
        # What stands between Ansible and the plugins it loads is seen in the traceback of one that breaks meanwhile.
        (r'  File "[^"\n]*/orchestrator/executors/warm/[^\n]*\n(    [^\n]*\n)*', ""),
    )
)
_HEADER = re.compile(r"^(PLAY|TASK|RUNNING HANDLER|PLAY RECAP)\b")


def clean_text(text: str) -> str:
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return text


def clean(value: Any, dropped: frozenset[str] = _DROPPED) -> Any:
    """``value`` without what no two runs have in common."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_text(str(key)): clean(item, dropped) for key, item in value.items() if key not in dropped}
    if isinstance(value, list | tuple):
        return [clean(item, dropped) for item in value]
    return value


def look(ground: Ground, one: Case, outcome: Outcome, directory: Path) -> Seen:
    """Everything that is compared, after the case has been played."""
    result = directory / RESULT
    out = directory / OUT
    heard = {path.stem: _heard(path) for path in sorted((ground.root / "heard").glob("*.jsonl"))}
    body = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else None
    return {
        "outcome": _ordered_outcome(clean(outcome.to_body()), one.order),
        "rc": body["rc"] if body else None,
        "result": _ordered_result(clean(body), one.order),
        "printed": printed(out.read_bytes().decode("utf-8"), one.order) if out.is_file() else None,
        "events": {name: events(lines, one.order) for name, lines in heard.items()},
        "runner": {
            name: clean([line["status"] for line in lines if "status" in line]) for name, lines in heard.items()
        },
        "job": sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else None,
        "disk": {name: tree(ground.root / name) for name in ("site", "home", "tmp")},
    }


def begun_cold(ground: Ground) -> list[str]:
    """The jobs on this ground of which a process was begun anew: that of ansible-runner, or of ansible-playbook."""
    found = []
    for path in sorted((ground.root / "heard").glob("*.jsonl")):
        signs = [line.get(name) for line in _heard(path) for name in ("preloaded", "forked") if name in line]
        if not signs or False in signs:
            found.append(path.stem)
    return found


def begun_warm(ground: Ground) -> list[str]:
    """The jobs on this ground of which any process was a fork of a warm one."""
    return [
        path.stem
        for path in sorted((ground.root / "heard").glob("*.jsonl"))
        if any(line.get("preloaded") or line.get("forked") for line in _heard(path))
    ]


def _heard(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _ordered_outcome(body: dict[str, Any], order: str) -> dict[str, Any]:
    return body if order == "exact" else {**body, "error": sorted(body.get("error", "").splitlines())}


def _ordered_result(result: Any, order: str) -> Any:
    if result is None or order == "exact":
        return result
    ordered = {name: sorted(result[name], key=json.dumps) for name in ("failures", "unreachable")}
    return {**result, **ordered, "tail": None, **({"task": None} if order == "host" else {})}


def events(lines: list[dict[str, Any]], order: str) -> Any:
    """The runner's events, in the order that means something."""
    found = [clean(line["event"]) for line in lines if "event" in line]
    if order == "exact":
        return found
    for event in found:
        # What was printed at an event is partly another host's doing; the whole of what was printed is compared anyway.
        for name in (*_ORDER, "stdout"):
            event.pop(name, None)
    if order == "host":
        hosts: dict[str, list[Any]] = {}
        for event in found:
            # Which task was begun last is another host's doing.
            if str(event["event"]).startswith("playbook_on_") and _host(event):
                event["event_data"] = {name: event["event_data"][name] for name in ("host", "handler")}
            hosts.setdefault(_host(event), []).append(event)
        return {host: sorted(of, key=_word) if not host else of for host, of in sorted(hosts.items())}
    blocks: list[list[Any]] = [[]]
    for event in found:
        if str(event["event"]).startswith("playbook_on_") and not _host(event):
            blocks.append([])
        blocks[-1].append(event)
    return [sorted(block, key=lambda event: (_host(event), "" if _host(event) else _word(event))) for block in blocks]


def _host(event: Mapping[str, Any]) -> str:
    return str((event.get("event_data") or {}).get("host", ""))


def _word(event: Mapping[str, Any]) -> str:
    return json.dumps(event, sort_keys=True)


def printed(text: str, order: str) -> list[str]:
    """The lines Ansible printed, in the order that means something."""
    lines = clean_text(text).splitlines()
    if order == "exact":
        return lines
    if order == "host":
        return sorted(set(lines))  # how often a task's header stands between two hosts' lines is chance
    blocks: list[list[str]] = [[]]
    for line in lines:
        if _HEADER.match(line):
            blocks.append([])
        blocks[-1].append(line)
    return [line for block in blocks for line in [*block[:1], *sorted(block[1:])]]


def tree(place: Path) -> dict[str, Any]:
    """Every file below ``place``: what it is, whose, with which rights, and what is in it."""
    found: dict[str, Any] = {}
    for path in sorted(place.rglob("*")):
        about = path.lstat()
        entry: dict[str, Any] = {"mode": stat.filemode(about.st_mode), "owner": f"{about.st_uid}:{about.st_gid}"}
        if stat.S_ISREG(about.st_mode):
            entry["holds"] = _content(path)
        elif stat.S_ISLNK(about.st_mode):
            entry["to"] = clean_text(str(path.readlink()))
        found.setdefault(clean_text(str(path.relative_to(place))), []).append(entry)
    return found


def _content(path: Path) -> Any:
    if path.suffix == ".pyc":  # holds the time at which its source was written
        return "compiled"
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
        return clean(json.loads(text), frozenset()) if path.suffix == ".json" else clean_text(text)
    except UnicodeDecodeError:
        return hashlib.sha256(raw).hexdigest()


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where the two differ, each with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if key not in one or key not in other:
                yield f"{where}/{key}: only in the {'first' if key in one else 'second'}"
            else:
                yield from differences(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list) and isinstance(other, list):
        for number, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from differences(left, right, f"{where}/{number}")
        if len(one) != len(other):
            longer, which = (one, "first") if len(one) > len(other) else (other, "second")
            rest = longer[min(len(one), len(other)) :]
            yield f"{where}: {len(one)} != {len(other)}; only in the {which}: {_short(rest)}"
    elif type(one) is not type(other) or one != other:
        yield f"{where}: {_short(one)} != {_short(other)}"


def alike(one: Seen, other: Seen) -> None:
    """Both have been seen to be the same; else says where they are not."""
    found = list(differences(one, other))
    assert not found, f"{len(found)} differences:\n" + "\n".join(found)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 1500 else f"{text[:1500]}... ({len(text)} characters)"
