"""The whole run: nested runbooks laid flat the way the planner lays them, each step knowing where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from orchestrator.documents.lint.ancestry import Ancestry
from orchestrator.documents.lint.book import Book, books_of
from orchestrator.documents.loading import Loaded
from orchestrator.engine.forecast import CycleFound, Leg, in_order
from orchestrator.errors import Problem
from orchestrator.model.document import Milestone
from orchestrator.model.plan import COUNT
from orchestrator.model.runbook import Runbook, Step
from orchestrator.plain import dataclass


@dataclass(frozen=True)
class FlatStep:
    """A step of the run: never one that nests."""

    id: str
    step: Step
    needs: tuple[str, ...]
    book: Book
    number: int

    def problem(self, message: str, mend: str, *parts: str | int, warning: bool = False) -> Problem:
        """A problem with this step, where it was written."""
        return self.book.of_step(self.number, message, mend, *parts, warning=warning)

    @property
    def restores(self) -> bool:
        """Whether the service is back when it has ended."""
        return Milestone.RESTORED in self.step.marks

    @property
    def looks(self) -> bool:
        """Whether it shows the state of things: it verifies, probes, or waits for a condition."""
        step = self.step
        return bool(step.verify) or step.probe is not None or (step.wait is not None and step.wait.until is not None)


@dataclass(frozen=True)
class Whole:
    """All steps of the run in an order that respects their needs; none where the needs themselves are wrong."""

    loaded: Loaded
    book: Book
    steps: tuple[FlatStep, ...]

    @cached_property
    def by_id(self) -> Mapping[str, FlatStep]:
        """Steps by their id in the plan."""
        return {step.id: step for step in self.steps}

    @cached_property
    def before(self) -> Ancestry:
        """Which steps have certainly ended before another starts."""
        return Ancestry({step.id: step.needs for step in self.steps})


def whole_of(loaded: Loaded) -> Whole:
    """The run laid flat. Wrong needs are another rule's to name; the run has no steps then."""
    books = {book.file: book for book in books_of(loaded)}
    try:
        steps, _ = _flat(books, books[""], "", ())
        ordered = [leg.id for leg in in_order(Leg(step.id, step.needs, 0.0) for step in steps)]
    except CycleFound:
        return Whole(loaded, books[""], ())
    by_id = {step.id: step for step in steps}
    return Whole(loaded, books[""], tuple(by_id[name] for name in ordered))


def _flat(
    books: Mapping[str, Book], book: Book, prefix: str, roots: tuple[str, ...]
) -> tuple[list[FlatStep], tuple[str, ...]]:
    runbook: Runbook = book.runbook
    found: list[FlatStep] = []
    ends: dict[str, tuple[str, ...]] = {}
    for leg in in_order(Leg(name, wanted, 0.0) for name, wanted in book.needs.items()):
        number = book.numbers[leg.id]
        step = runbook.steps[number]
        needs = tuple(dict.fromkeys(end for name in leg.needs for end in ends[name])) if leg.needs else roots
        if step.runbook is None:
            found.append(FlatStep(prefix + step.id, step, needs, book, number))
            ends[step.id] = (prefix + step.id,)
        else:
            inside, ends[step.id] = _flat(books, books[step.runbook.file], f"{prefix}{step.id}/", needs)
            found.extend(inside)
    needed = {name for wanted in book.needs.values() for name in wanted}
    last = [name for name in book.needs if name not in needed and runbook.steps[book.numbers[name]].role != COUNT]
    return found, tuple(end for name in last for end in ends[name])
