"""Contests: who does the same work, and what came out, round by round.

All contestants of all contests take turns, and the order shifts from round to round, so that a machine that grows
slower or hotter does so for everybody. The first round warms caches up and does not count.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from benchmarks.medians import Spread, spread

Measured = Mapping[str, float]


class Failed(Exception):
    """A contestant did not do the work; the text says why. It is out of the contest, and the results say so."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured. ``unit``: s, ms or MB."""

    name: str
    title: str
    unit: str = "s"


WHOLE = Measure("whole", "whole process")
STEPS = Measure("steps", "first to last step")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Somebody who does the work. ``command`` is what was run, as a person could type it (no paths of this machine).

    ``run`` does it once and answers measurements by name. Raises Failed.
    """

    name: str
    title: str
    command: str
    run: Callable[[], Measured]


@dataclass(frozen=True, slots=True)
class Contest:
    """Contestants who do the same work. ``repeats`` is how often they take turns in one round; ``rounds``, where it is
    given, bounds how many rounds the slow ones are worth. ``baseline`` is whom the others' ratios refer to."""

    name: str
    title: str
    contestants: Sequence[Contestant]
    measures: Sequence[Measure]
    baseline: str
    repeats: int = 1
    rounds: int | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    """Who could not take part, and why."""
    notes: Sequence[str] = ()


@dataclass
class Results:
    """Everything measured so far: contest, contestant, measure to values; and who failed and how."""

    values: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, contest: str, contestant: str, measured: Measured) -> None:
        """Take in one round's measurements."""
        into = self.values.setdefault(contest, {}).setdefault(contestant, {})
        for name, value in measured.items():
            into.setdefault(name, []).append(value)

    def of(self, contest: str, contestant: str, measure: str) -> Spread | None:
        """What a contestant's measurements came to; None where there are none, or where it failed later."""
        if contestant in self.failures.get(contest, {}):
            return None
        return spread(self.values.get(contest, {}).get(contestant, {}).get(measure, ()))


def shifted(items: Sequence[Contestant], by: int) -> Sequence[Contestant]:
    """The same in another order: who was first comes last."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]


def hold(
    contests: Sequence[Contest],
    rounds: int,
    tell: Callable[[str], None],
    after_round: Callable[[Results, int], None] = lambda _results, _number: None,
) -> Results:
    """``rounds`` rounds after one that does not count. ``tell`` is told what happens, for a person who waits;
    ``after_round`` gets what there is so far, and how many rounds have counted."""
    results = Results()
    for number in range(rounds + 1):
        for contest in contests:
            if number > (contest.rounds or rounds):
                continue
            for turn, contestant in _turns(contest, number):
                if contestant.name not in results.failures.get(contest.name, {}):
                    _take_turn(results, contest, contestant, counts=number > 0, tell=tell, turn=f"{number}.{turn}")
        if number:
            after_round(results, number)
    return results


def _turns(contest: Contest, number: int) -> Iterator[tuple[int, Contestant]]:
    # One turn each is enough to warm up.
    repeats = range(contest.repeats if number else 1)
    return chain.from_iterable(
        ((turn, contestant) for contestant in shifted(contest.contestants, number + turn)) for turn in repeats
    )


def _take_turn(
    results: Results, contest: Contest, contestant: Contestant, *, counts: bool, tell: Callable[[str], None], turn: str
) -> None:
    try:
        measured = contestant.run()
    except (Failed, OSError, subprocess.SubprocessError) as error:
        results.failures.setdefault(contest.name, {})[contestant.name] = str(error)
        tell(f"{contest.name} {turn}: {contestant.name} FAILED: {error}")
        return
    told = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    tell(f"{contest.name} {turn}: {contestant.name}: {told}{'' if counts else ' (warming up)'}")
    if counts:
        results.add(contest.name, contestant.name, measured)
