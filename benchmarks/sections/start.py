"""How soon the command answers, beside a Python that does nothing."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contest import Contest, Contestant, Measure
from benchmarks.effects import argv
from benchmarks.place import Place
from benchmarks.process import ran
from benchmarks.workspace import DRILL, Command, make_workspace

ANSWER = Measure("whole", "until it answers")
RUNS = 20
"""Runs in the store that ``status`` lists."""


def contests(place: Place, stack: ExitStack) -> list[Contest]:  # noqa: ARG001 - every section has both
    """One contest: each command takes its turn several times a round."""
    effects = place.directory("start-effects")
    step = {
        "id": "one",
        "fabric": {"host": "here", "argv": argv(effects, 1)},
        "timeout": "1m",
        "changes": False,
    }
    command = Command(place, make_workspace(place.directory("start"), [step]), place.directory("start-state"))
    for _ in range(2 if place.quick else RUNS):
        command.run(*DRILL)
    # Its own state: the store that status lists is to hold the same runs in every round.
    runs = Command(place, command.workspace, place.directory("start-run-state"))
    contestants = [
        _process("python", "Python that does nothing", [Path(sys.executable), "-c", "pass"], command),
        _holdfast(place, "version", "--version", command),
        _holdfast(place, "help", "--help", command),
        _holdfast(place, "status", "status", command, title=f"holdfast status, {RUNS} runs in the store"),
        Contestant(
            "run",
            "holdfast run, to its first step's begin",
            f"holdfast {' '.join(DRILL)}",
            lambda: {"whole": runs.run(*DRILL)["first"]},
        ),
    ]
    return [
        Contest(
            "start",
            "Start of the command",
            contestants,
            (ANSWER,),
            baseline="python",
            repeats=1 if place.quick else 5,
            notes=(
                "The run has one Fabric step on this machine. Its time ends when the step's begin is committed to the "
                "journal, before anything is done.",
            ),
        )
    ]


def _process(name: str, title: str, words: list[Path | str], command: Command) -> Contestant:
    shown = " ".join(word.name if isinstance(word, Path) else word for word in words)
    return Contestant(
        name, title, shown, lambda: {"whole": ran(words, env=command.env(), cwd=command.workspace).seconds}
    )


def _holdfast(place: Place, name: str, word: str, command: Command, title: str = "") -> Contestant:
    return _process(name, title or f"holdfast {word}", [place.programs / "holdfast", word], command)
