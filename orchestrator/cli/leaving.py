"""The end of the program, in order; but the interpreter does not take itself apart, which takes a tenth of a second."""

from __future__ import annotations

import atexit
import os
import sys

_code: int | None = None


def prepare() -> None:
    """Have the process end as soon as everything that is registered from now on has been done.

    Only where this process is the program: whoever calls ``main`` from a program of his own goes on afterwards.
    """
    from orchestrator.cli.main import main

    if getattr(sys.modules.get("__main__"), "main", None) is main:
        atexit.register(_leave)  # what is registered first is done last


def with_code(code: int) -> int:
    """Remember what the process is to end with; answers it."""
    global _code
    _code = code
    return code


def _leave() -> None:
    if _code is None:
        return  # it ends in a way that nobody foresaw, and says so
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads; the code still tells
            continue
    os._exit(_code)
