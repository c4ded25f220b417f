"""``holdfast status`` and ``holdfast run`` without the command-line library.

They are what somebody types first at three in the morning, and that library costs more time than the answer. Anything
but plain words goes the usual way, help and mistakes with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from orchestrator.cli import place
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.streams import warn

LIMIT = 20
"""Runs listed where nobody says how many."""

RUN_FLAGS = {"--no-wait": "no_wait", "--yes": "yes", "-y": "yes", "--json": "as_json"}
"""Options of ``run`` that stand alone."""
RUN_VALUES = {
    "--mode": "mode", "-m": "mode", "--site": "site", "--inventory": "inventory", "-i": "inventory",
    "--onset": "onset", "--detected": "detected", "--by": "by", "--input": "inputs",
}  # fmt: skip
"""Options of ``run`` that take the next word. A test holds both tables and the command together."""


def answered(words: Sequence[str]) -> bool:
    """Answer ``status`` or ``run``; False where these are not the words. Raises SystemExit with a run's exit code."""
    if not words or "_HOLDFAST_COMPLETE" in os.environ:
        return False
    if words[0] == "run":
        asked = run_words(words[1:])
        if asked is None:
            return False
        from orchestrator.cli.running import run

        raise SystemExit(run(**asked))
    return words[0] == "status" and _status(words[1:])


def run_words(words: Sequence[str]) -> dict[str, Any] | None:
    """What the words after ``run`` mean, as arguments of ``running.run``; None where they are not plain."""
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word in RUN_FLAGS:
            found[RUN_FLAGS[word]] = True
        elif word in RUN_VALUES:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
            name = RUN_VALUES[word]
            found[name] = [*found.get(name, ()), value] if name == "inputs" else value
        elif word.startswith("-") or "name" in found:
            return None
        else:
            found["name"] = word
    return found if "name" in found else None


def _status(words: Sequence[str]) -> bool:
    """``status``, ``status RUN``, each with or without ``--json``."""
    rest = [word for word in words if word != "--json"]
    if len(rest) > 1 or len(words) > 2 or any(word.startswith("-") for word in rest):
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
