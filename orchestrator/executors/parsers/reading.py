"""What all parsers share: the refusal, and values with the type they show."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?\Z")


class NotRead(ValueError):
    """The text is not what the command prints."""


def value_of(text: str) -> str | int | float:
    """A number where the text is one as JSON writes it, else the text: ``0755`` and ``1e3`` stay texts."""
    if not _NUMBER.match(text):
        return text
    return float(text) if "." in text else int(text)


def percent(part: float, whole: float) -> float | None:
    """``part`` of ``whole`` in percent, to a tenth; None of nothing, which is neither full nor empty."""
    return round(100.0 * part / whole, 1) if whole > 0 else None


def lines_of(text: str) -> list[str]:
    """The lines that say something."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def shown(line: str) -> str:
    """A line as a message shows it."""
    return repr(line if len(line) <= 80 else line[:77] + "...")
