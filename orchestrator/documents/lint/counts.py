"""What a step of role ``count`` may be: a look at what was lost, which holds nothing up."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.lint.book import Book
from orchestrator.errors import Problem
from orchestrator.model.plan import COUNT

_WITHOUT_SAY = ("expect", "verify", "retries", "marks", "on_doubt")
"""Parts that let a step fail, wait or tell more than it counted."""


def a_count_only_counts(book: Book) -> Iterator[Problem]:
    """It measures markers, and nothing else is promised about it: the run goes on and ends whatever it finds."""
    for number, step in book.steps:
        if step.role != COUNT:
            continue
        if step.marker is None or step.marker.measure is None:
            message = f"step {step.id!r} has the role count, but does not measure"
            yield book.of_step(number, message, "give it marker: {measure: ...}, or take role out", "role")
        written = book.data(("steps", number))
        for name in written if isinstance(written, dict) else ():
            if name in _WITHOUT_SAY:
                message = f"{name!r} has no effect on a count: its end changes nothing for the run"
                yield book.problem(("steps", number, name), message, "take it out, or take role out", key=True)


def only_a_count_is_taken_elsewhere(book: Book) -> Iterator[Problem]:
    """Any other measurement is begun in its place alone, behind the promotion."""
    for number, step in book.steps:
        measure = step.marker.measure if step.marker is not None else None
        if measure is not None and measure.before_promotion is not None and step.role != COUNT:
            message = "before_promotion has no effect: only a count is taken where the promotion was not reached"
            path = ("steps", number, "marker", "measure", "before_promotion")
            yield book.problem(path, message, "add role: count to the step", key=True)


def nothing_waits_for_a_count(book: Book) -> Iterator[Problem]:
    """It may be taken as late as at the end of the run."""
    counts = {step.id for _, step in book.steps if step.role == COUNT}
    for number, step in book.steps:
        for place, need in enumerate(step.needs or ()):
            if need in counts:
                message = f"step {step.id!r} needs {need!r}, which is a count: it may be taken only when the run ends"
                yield book.of_step(number, message, "take it out of needs, or take role: count out", "needs", place)


RULES = (a_count_only_counts, only_a_count_is_taken_elsewhere, nothing_waits_for_a_count)
