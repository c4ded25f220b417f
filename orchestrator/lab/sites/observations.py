"""What an observer saw: outages as customers had them, and acknowledged orders that are gone. Pure.

All figures come from the observer's own clock (monotonic within one boot of the machine) and from what the service
told it; nothing of Holdfast's has a part in them.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One order that was tried. ``began`` and ``ended``: seconds, monotonic; ``at``: the end by the wall clock."""

    began: float
    ended: float
    at: str
    number: int | None
    """The order's number where it was acknowledged; else None."""

    @property
    def ok(self) -> bool:
        """Whether it was acknowledged."""
        return self.number is not None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without acknowledged orders, in which at least one was tried in vain."""

    last_ok: float | None
    """When the last order before it was acknowledged; None where there was none."""
    first_failed: float
    """When the first order that failed was begun."""
    first_ok: float | None
    """When the first order after it was acknowledged; None where it lasts."""
    failed: int
    """Orders begun in it that failed."""

    @property
    def pause(self) -> float | None:
        """Seconds between the two acknowledged orders around it; None where one is missing."""
        return None if self.last_ok is None or self.first_ok is None else self.first_ok - self.last_ok

    @property
    def seconds(self) -> float | None:
        """Seconds from the beginning of the first failed order to the first acknowledged one: the outage."""
        return None if self.first_ok is None else self.first_ok - self.first_failed


def parse(lines: Iterable[str]) -> list[Attempt]:
    """The availability log's lines, in the order of the attempts' ends. A line that was cut off does not count."""
    found = []
    for line in lines:
        if line.endswith("\n"):
            body = json.loads(line)
            found.append(Attempt(body["began"], body["ended"], body["at"], body.get("number")))
    return sorted(found, key=lambda attempt: attempt.ended)


def outages(attempts: Sequence[Attempt], longer_than: float = 0.5) -> list[Outage]:
    """The outages longer than so many seconds, in their order; one that lasts to the end has no end."""
    good = [attempt.ended for attempt in attempts if attempt.ok]
    # A failed attempt belongs to the pause it was begun in, however long it then waited.
    pauses: dict[int, list[float]] = {}
    for attempt in attempts:
        if not attempt.ok:
            pauses.setdefault(bisect_right(good, attempt.began), []).append(attempt.began)
    found = []
    for place, began in sorted(pauses.items()):
        last_ok = good[place - 1] if place else None
        first_ok = good[place] if place < len(good) else None
        seen = Outage(last_ok, min(began), first_ok, len(began))
        if first_ok is None or (seen.pause or first_ok - seen.first_failed) > longer_than:
            found.append(seen)
    return found


def slow_spells(attempts: Iterable[Attempt], beyond: float, *, together: int = 5, apart: float = 1.0) -> list[Outage]:
    """Times in which orders took more than ``beyond`` seconds or failed; one that lasts to the end has no end.

    The median of as many orders as ``together`` says tells a slow spell from a single slow order; spells with less
    than ``apart`` seconds between them are one. It lasts from the beginning of its first slow order (``first_failed``)
    to the end of the first order after it that was not slow; ``failed`` counts its slow orders, acknowledged or not.
    """
    begun = sorted(attempts, key=lambda attempt: attempt.began)
    slow = [not attempt.ok or attempt.ended - attempt.began > beyond for attempt in begun]
    spells: list[tuple[int, int]] = []
    for place in range(len(begun) - together + 1):
        mostly = 2 * sum(slow[place : place + together]) > together
        if spells and spells[-1][1] == len(begun):
            if not mostly and not slow[place]:
                spells[-1] = (spells[-1][0], place)
        elif mostly and slow[place]:
            if spells and begun[place].began - begun[spells[-1][1]].ended < apart:
                spells[-1] = (spells[-1][0], len(begun))
            else:
                spells.append((place, len(begun)))
    return [
        Outage(
            last_ok=max((each.ended for each in begun[:first] if each.ok), default=None),
            first_failed=begun[first].began,
            first_ok=begun[end].ended if end < len(begun) else None,
            failed=sum(slow[first:end]),
        )
        for first, end in spells
    ]


def longest_pause(attempts: Sequence[Attempt]) -> float:
    """Seconds of the longest time between two acknowledged orders; 0 with fewer than two."""
    good = [attempt.ended for attempt in attempts if attempt.ok]
    return max((later - earlier for earlier, later in itertools.pairwise(good)), default=0.0)


def lost(attempts: Sequence[Attempt], survivors: Collection[int]) -> list[int]:
    """Numbers of acknowledged orders that are not among the survivors."""
    there = set(survivors)
    return sorted({attempt.number for attempt in attempts if attempt.number is not None} - there)
