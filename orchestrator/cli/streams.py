"""Where output goes: UTF-8 whatever the locale, plain where nobody looks, and no crash when nobody reads."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def prepare() -> None:
    """Make both streams UTF-8; what cannot be encoded (a stray byte in a file name) is shown escaped."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:  # closed by whoever started the program
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - lives as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def nobody_reads() -> None:
    """Where a reader has gone, what is still buffered goes nowhere: the interpreter ends without a complaint."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            try:
                os.dup2(null, stream.fileno())
            except (OSError, ValueError):  # not a real file: nothing to redirect
                continue
    os.close(null)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at ``stream`` (standard output where none is given)."""
    stream = stream or sys.stdout
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


@cache
def console(*, error: bool = False) -> Console:
    """The console for tables and colours; without colour where ``NO_COLOR`` is set or nobody looks."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    looked_at = is_terminal(stream)
    return Console(
        file=stream,
        force_terminal=looked_at,
        force_interactive=looked_at,
        no_color=True if os.environ.get("NO_COLOR") else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        width=None if looked_at else int(os.environ.get("COLUMNS") or 200),
    )


def say(text: str = "") -> None:
    """One line to standard output."""
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """One line to standard error."""
    sys.stderr.write(f"{text}\n")
