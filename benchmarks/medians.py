"""Numbers about numbers: medians, the range they were seen in, and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """What a series of measurements came to."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread | None:
    """The median and range of ``values``; None where nothing was measured."""
    if not values:
        return None
    return Spread(median(values), min(values), max(values), len(values))


def ratio(value: Spread | None, other: Spread | None) -> float | None:
    """The ratio of two medians; None where one was not measured."""
    if value is None or other is None or other.median == 0:
        return None
    return value.median / other.median


def amount(value: float, unit: str) -> str:
    """A measurement for people: three significant digits, with its unit."""
    if unit == "s" and value < 1:
        value, unit = value * 1000, "ms"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
