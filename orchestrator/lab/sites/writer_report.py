"""Was there one writer at all times? What the writer check accepted, against what stands on both sides. Pure.

The server says with each write on which timeline it was written, and a timeline's number grows with every promotion.
One writer at all times therefore means: no timeline is written on two hosts, and once a write on a later timeline was
acknowledged, nothing that is begun after it is accepted on an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

SERVICE = "service"
"""The way to the database by its service address, wherever that leads."""
Row = tuple[str, int]
"""A row of the table: the way it was written by, and its number on that way."""


@dataclass(frozen=True, slots=True)
class Try:
    """One write that was tried directly on a host, or by the service address. ``timeline`` None: not accepted."""

    via: str
    number: int
    began: float
    ended: float
    timeline: int | None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found."""

    accepted: int
    spans: tuple[tuple[str, int, float, float], ...]
    """Way, timeline, first and last acknowledgement (monotonic seconds), in their order."""
    violations: tuple[str, ...]
    """Proofs of more than one writer; empty is what is wanted."""
    lost: tuple[Row, ...]
    """Acknowledged rows that are not on the primary now."""
    divergent: Mapping[str, tuple[Row, ...]]
    """Rows that stand on another host only, though not on the primary."""

    @property
    def one_writer(self) -> bool:
        """Whether there was one writer at all times."""
        return not self.violations


def parse(lines: Iterable[str]) -> list[Try]:
    """The check's log. A line that was cut off does not count."""
    found = [Try(**json.loads(line)) for line in lines if line.endswith("\n")]
    return sorted(found, key=lambda each: each.ended)


def report(tries: Sequence[Try], primary: Collection[Row], others: Mapping[str, Collection[Row]]) -> Report:
    """Judge: ``primary`` are the rows on the primary of now, ``others`` those on each other host that can be read."""
    accepted = [each for each in tries if each.timeline is not None]
    there = set(primary)
    return Report(
        accepted=len(accepted),
        spans=tuple(_spans(accepted)),
        violations=(*_same_timeline(accepted), *_gone_back(accepted)),
        lost=tuple(sorted({(each.via, each.number) for each in accepted} - there)),
        divergent={host: tuple(sorted(set(rows) - there)) for host, rows in others.items() if set(rows) - there},
    )


def _spans(accepted: Sequence[Try]) -> list[tuple[str, int, float, float]]:
    seen: dict[tuple[str, int], tuple[float, float]] = {}
    for each in accepted:
        key = (each.via, each.timeline or 0)
        first, _ = seen.get(key, (each.ended, each.ended))
        seen[key] = (first, each.ended)
    return sorted(((via, line, *times) for (via, line), times in seen.items()), key=lambda span: span[2])


def _same_timeline(accepted: Sequence[Try]) -> list[str]:
    hosts: dict[int, set[str]] = {}
    for each in accepted:
        if each.via != SERVICE:
            hosts.setdefault(each.timeline or 0, set()).add(each.via)
    return [
        f"timeline {line} was written on {' and '.join(sorted(names))}"
        for line, names in sorted(hosts.items())
        if len(names) > 1
    ]


def _gone_back(accepted: Sequence[Try]) -> list[str]:
    """A write that began when a later timeline had been acknowledged already. ``accepted`` is in order of its ends."""
    found = []
    by_begin = sorted(accepted, key=lambda each: each.began)
    newest, position = None, 0
    for each in by_begin:
        while position < len(accepted) and accepted[position].ended < each.began:
            candidate = accepted[position]
            if newest is None or (candidate.timeline or 0) > (newest.timeline or 0):
                newest = candidate
            position += 1
        if newest is not None and (each.timeline or 0) < (newest.timeline or 0):
            found.append(
                f"{each.via} took number {each.number} on timeline {each.timeline}, "
                f"{each.began - newest.ended:.3f} s after {newest.via} had written timeline {newest.timeline}"
            )
    return found
