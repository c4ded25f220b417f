"""A file that was read: its data, and where in the file each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.errors import Problem
from orchestrator.plain import dataclass

Keys = tuple[str | int, ...]
"""Where a part is in the data: mapping keys and list numbers, from the top."""


class Position(NamedTuple):
    """Lines and columns, counted from 1, of a part's key (for a list's entry: of the entry) and of its value."""

    key_line: int
    key_column: int
    line: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Plain data (dict, list, str, int, float, bool, None) and the position of every part of it. Never changed."""

    file: str
    data: Any
    positions: Mapping[Keys, Position]

    def settle(self, path: Keys) -> Keys:
        """``path`` as it stands in the file: numbers of a list written without its brackets are left out, and
        where a part is not there at all, the closest part above it."""
        found: Keys = ()
        for part in path:
            longer = (*found, part)
            if longer in self.positions:
                found = longer
            elif not isinstance(part, int):
                break
        return found

    def at(self, path: Keys, *, key: bool = False) -> tuple[int, int]:
        """Line and column of the value at ``path`` (or of its key); of the part above where it is not there."""
        where = self.positions[self.settle(path)]
        return (where.key_line, where.key_column) if key else (where.line, where.column)

    def problem(self, path: Keys, message: str, mend: str = "", *, key: bool = False, warning: bool = False) -> Problem:
        """A problem with what is at ``path``."""
        line, column = self.at(path, key=key)
        return Problem(self.file, line, column, message, mend, warning)
