"""What ansible-runner's events say of a play, brought together while they come in.

Runs in the child. Nothing of an event is kept but what is needed to judge the end: no event is written to disk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

_LONGEST = 2000
"""Characters of one host's message that are kept."""
_MOST = 50
"""Messages that are kept."""
_WORKED = frozenset({"runner_on_ok", "runner_on_failed", "runner_item_on_ok", "runner_item_on_failed"})
_STATS = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored", "processed")


class Summary:
    """Takes events, in any number and quickly, and answers what they come to."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        """``on_first`` is called at the play's first event: by then Ansible has read all its variables."""
        self._on_first: Callable[[], None] | None = on_first
        self._events: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="events", daemon=True)
        self._begun = False
        self._task = ""
        self._stats: dict[str, dict[str, int]] | None = None
        self._custom: dict[str, Any] = {}
        self._failures: list[dict[str, str]] = []
        self._unreachable: list[dict[str, str]] = []
        self._worked: set[str] = set()
        self._thread.start()

    def take(self, event: dict[str, Any]) -> bool:
        """ansible-runner's ``event_handler``: only queues, as a slow one makes the runner lose its terminal.

        Answers False: the event is not to be written to disk.
        """
        self._events.put(event)
        return False

    def to_body(self) -> dict[str, Any]:
        """The sum of all events so far; takes no more."""
        self._events.put(None)
        self._thread.join()
        return {
            "begun": self._begun,
            "task": self._task,
            "stats": self._stats,
            "custom": self._custom,
            "failures": self._failures,
            "unreachable": self._unreachable,
            "worked": sorted(self._worked),
        }

    def _read(self) -> None:
        while (event := self._events.get()) is not None:
            self._one(str(event.get("event", "")), event.get("event_data") or {})

    def _one(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind.startswith("playbook_on") and self._on_first is not None:
            self._on_first()
            self._on_first = None
        host = str(data.get("host", ""))
        if kind == "playbook_on_task_start":
            self._begun = True
            self._task = str(data.get("name") or data.get("task") or "")
        elif kind == "playbook_on_stats":
            self._stats = {name: dict(data.get(name) or {}) for name in _STATS}
            self._custom = dict(data.get("artifact_data") or {})
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            _note(self._failures, host, data)
        elif kind == "runner_on_unreachable":
            _note(self._unreachable, host, data)
        if kind in _WORKED:
            self._worked.add(host)


def _note(notes: list[dict[str, str]], host: str, data: Mapping[str, Any]) -> None:
    if len(notes) < _MOST:
        notes.append({"host": host, "task": str(data.get("task", "")), "message": _message(data.get("res"))})


def _message(result: Any) -> str:
    """What the module said: its message, and the end of what the command printed."""
    if not isinstance(result, Mapping):
        return str(result or "")[:_LONGEST]
    parts = [str(result["msg"]).strip()] if result.get("msg") else []
    if "rc" in result:
        parts.append(f"rc {result['rc']}")
    for name in ("stderr", "module_stderr", "stdout", "module_stdout"):
        text = str(result.get(name) or "").strip()
        if text and text not in parts[:1]:
            parts.append(text[-_LONGEST // 2 :])
            break
    items = result.get("results")
    if isinstance(items, list):
        parts += [_message(item) for item in items if isinstance(item, Mapping) and item.get("failed")][:5]
    return "; ".join(part for part in parts if part)[:_LONGEST]
