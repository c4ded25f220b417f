"""How wide a text is drawn (about), how it is shortened, and how labels find places without overlap."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from orchestrator.plain import dataclass

GAP = 10.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a label stands: its line's ``x``, its own left edge, and in which row."""

    x: float
    text_x: float
    row: int


def width(text: str, size: float) -> float:
    """About how wide ``text`` is at a font size: Chinese characters are as wide as high, Latin ones about half."""
    return sum(size if unicodedata.east_asian_width(sign) in "WF" else size * 0.56 for sign in text)


def shortened(text: str, room: float, size: float) -> str:
    """``text`` if it fits into ``room``, else its beginning with an ellipsis."""
    if width(text, size) <= room:
        return text
    kept = ""
    for sign in text:
        if width(kept + sign, size) + size > room:
            break
        kept += sign
    return kept.rstrip() + "…"


def lanes(labels: Sequence[tuple[float, str]], left: float, right: float, size: float = 11.0) -> list[Lane]:
    """A place for each label (``x``, text), in the order given; each in the first row where it overlaps nothing."""
    found: dict[int, Lane] = {}
    taken: list[list[tuple[float, float]]] = []
    for number in sorted(range(len(labels)), key=lambda n: labels[n][0]):
        x, text = labels[number]
        wide = width(text, size)
        # To the right of its line; where the drawing ends there, to the left of it.
        start = x + 4 if x + 4 + wide <= right else max(left, x - 5 - wide)
        span = (start - GAP / 2, start + wide + GAP / 2)
        row = next(
            (n for n, spans in enumerate(taken) if all(span[1] <= a or span[0] >= b for a, b in spans)), len(taken)
        )
        if row == len(taken):
            taken.append([])
        taken[row].append(span)
        found[number] = Lane(x, round(start, 2), row)
    return [found[number] for number in range(len(labels))]
