"""``holdfast status`` without the command-line library.

It is what somebody types first at three in the morning, and that library costs more time than the answer. Anything but
the plainest words goes the usual way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from orchestrator.cli import place
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.streams import warn

LIMIT = 20
"""Runs listed where nobody says how many."""


def answered(words: Sequence[str]) -> bool:
    """Answer ``status``, ``status RUN``, each with or without ``--json``; False where these are not the words."""
    if not words or words[0] != "status" or "_HOLDFAST_COMPLETE" in os.environ:
        return False
    rest = [word for word in words[1:] if word != "--json"]
    if len(rest) > 1 or len(words) > 3 or any(word.startswith("-") for word in rest):
        return False
    status(rest[0] if rest else None, LIMIT, as_json="--json" in words)
    return True


def status(run: str | None, limit: int, *, as_json: bool) -> None:
    """List the runs, or show one."""
    unread: list[str] = []

    def heard(text: str) -> None:
        unread.append(text)
        warn(f"warning: {text}")

    program = place.app(warn=heard)
    if run is None:
        from orchestrator.cli.run_list import show_list

        if not show_list(program, limit, as_json=as_json, unread=unread) and unread:
            # That no run was found says nothing where a journal could not be read.
            raise SystemExit(ExitCode.STORE)
    else:
        from orchestrator.cli.run_status import show_run

        show_run(program, program.find(run), as_json=as_json)
