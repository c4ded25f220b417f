"""A plugin of ansible-runner's, found by its entry point: keeps what the runner hands on, for the comparison.

The product keeps no event once a playbook has ended. This is ansible-runner's own way of letting others listen; it is
loaded wherever ansible-runner is, so that what a cold child and a warm one hear is written down by the same lines.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_LOADED_IN = os.getpid()
_STARTSTACK = 25
"""Where the stack began when a program was put into the process: field 28 of /proc/PID/stat, without pid and name."""


def event_handler(config: Any, event: dict[str, Any]) -> None:
    began = {"forked": _forked(event["pid"])} if event.get("event") == "playbook_on_start" else {}
    _keep(config, {"event": event, **began})


def status_handler(config: Any, data: dict[str, Any]) -> None:
    _keep(config, {"status": data, "preloaded": os.getpid() != _LOADED_IN})


def _forked(pid: int) -> bool | None:
    """Whether ansible-playbook is a fork of what this process is a fork of; None where it has ended already.

    The kernel puts the stack elsewhere for each program that is begun, and a fork has it where its parent had it.
    """
    try:
        return _stack(str(pid)) == _stack("self")
    except (OSError, IndexError):
        return None


def _stack(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[_STARTSTACK]


def _keep(config: Any, what: dict[str, Any]) -> None:
    place = Path(config.env["HOME"]).parent / "heard"
    place.mkdir(exist_ok=True)
    with (place / f"{Path(config.private_data_dir).parent.name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(what, default=str) + "\n")
