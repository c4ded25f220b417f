"""What is measured: one module a section. Each has ``contests(place, stack)``, which sets up and answers contests.

``stack`` is where a section leaves what has to be ended. Raises Failed where the section cannot be held at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module

from benchmarks.contest import Contest
from benchmarks.place import Place

SECTIONS = ("overhead", "start", "fabric", "ansible", "crowd", "takeover")

Section = Callable[[Place, ExitStack], Sequence[Contest]]


def section(name: str) -> Section:
    """The section called ``name``; only those that are held are imported."""
    contests: Section = import_module(f"benchmarks.sections.{name}").contests
    return contests
