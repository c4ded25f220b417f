"""One runbook as the rules see it: its steps, who waits for whom, and where everything stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from orchestrator.documents.lint.ancestry import Ancestry
from orchestrator.documents.loading import Loaded
from orchestrator.documents.source import Keys, Source
from orchestrator.errors import Problem
from orchestrator.model.actions import ProbeAction
from orchestrator.model.plan import COUNT
from orchestrator.model.runbook import Runbook, Step
from orchestrator.plain import dataclass


@dataclass(frozen=True)
class Book:
    """A runbook with its source. ``file`` is empty for the runbook itself, else what the nesting step names."""

    loaded: Loaded
    runbook: Runbook
    source: Source
    file: str = ""

    @property
    def steps(self) -> Iterator[tuple[int, Step]]:
        """Each step with its number in the list, from 0."""
        return iter(enumerate(self.runbook.steps))

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Step id to its number in the list; the first where an id is there twice."""
        found: dict[str, int] = {}
        for number, step in self.steps:
            found.setdefault(step.id, number)
        return found

    @cached_property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """What each step waits for: what it says (unknown names left out), else the step above it."""
        found: dict[str, tuple[str, ...]] = {}
        above: tuple[str, ...] = ()
        for _, step in self.steps:
            wanted = above if step.needs is None else tuple(n for n in step.needs if n in self.numbers)
            found.setdefault(step.id, wanted)
            above = above if step.role == COUNT else (step.id,)
        return found

    @cached_property
    def before(self) -> Ancestry:
        """Which steps have certainly ended before another starts."""
        return Ancestry(self.needs)

    def data(self, path: Keys) -> Any:
        """What is written at ``path`` in the file; None where nothing is."""
        value: Any = self.source.data
        for part in path:
            if not isinstance(value, dict | list):
                return None
            try:
                value = value[part]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def problem(self, path: Keys, message: str, mend: str, *, key: bool = False, warning: bool = False) -> Problem:
        """A problem with what is at ``path`` of this runbook's file."""
        return self.source.problem(path, message, mend, key=key, warning=warning)

    def of_step(self, number: int, message: str, mend: str, *parts: str | int, warning: bool = False) -> Problem:
        """A problem with a step: at this part of it, or at its id where it is about the step as a whole."""
        path: Keys = ("steps", number, *(parts or ("id",)))
        return self.source.problem(path, message, mend, warning=warning)


def books_of(loaded: Loaded) -> list[Book]:
    """The runbook itself first, then every nested one."""
    found = [Book(loaded, loaded.runbook, loaded.sources["runbook"])]
    found.extend(Book(loaded, one, loaded.sources[f"nested:{file}"], file) for file, one in loaded.nested.items())
    return found


def probes_of(book: Book) -> Iterator[tuple[Keys, ProbeAction]]:
    """Every probe of a runbook with its path, wherever it is used."""
    for number, check in enumerate(book.runbook.steady_state):
        yield ("steady_state", number, "probe"), check.probe
    for number, step in book.steps:
        at: Keys = ("steps", number)
        if step.probe is not None:
            yield (*at, "probe"), step.probe
        if step.wait is not None and step.wait.until is not None:
            yield (*at, "wait", "until", "probe"), step.wait.until.probe
        for place, check in enumerate(step.verify):
            yield (*at, "verify", place, "probe"), check.probe
        if step.undo is not None and step.undo.verify is not None:
            yield (*at, "undo", "verify", "probe"), step.undo.verify.probe
