"""What this machine says about a process: needed to name who holds a lock, and whether it still moves."""

from __future__ import annotations

import socket
from pathlib import Path


def host_name() -> str:
    """This machine's name."""
    return socket.gethostname()


def process_state(pid: int) -> str:
    """``running``, ``stopped`` (SIGSTOP, or held by a debugger), ``zombie``, or ``gone``, from /proc."""
    try:
        # The name in parentheses may itself hold parentheses and spaces.
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "gone"
    letter = text.rpartition(")")[2].split()[0]
    return {"T": "stopped", "t": "stopped", "Z": "zombie", "X": "gone"}.get(letter, "running")
