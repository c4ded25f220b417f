"""Who waits for whom: every step has its own id, and the needs lead somewhere and never round in a circle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from orchestrator.documents.lint.book import Book
from orchestrator.engine.forecast import CycleFound, Leg, in_order
from orchestrator.errors import Problem

_TAKEN = re.compile(r"steady-(?:before|after|rollback)-\d+\Z")
"""Ids the planner gives to the probes of the steady state."""


def each_id_once(book: Book) -> Iterator[Problem]:
    """Two steps of one id cannot be told apart in needs, templates and decisions."""
    for number, step in book.steps:
        first = book.numbers[step.id]
        if first != number:
            line, _ = book.source.at(("steps", first, "id"))
            yield book.of_step(
                number, f"the step id {step.id!r} is here twice; the first is on line {line}", "rename one"
            )
        if _TAKEN.match(step.id):
            yield book.of_step(number, f"the id {step.id!r} is given to probes of the steady state", "rename the step")


def needs_are_there(book: Book) -> Iterator[Problem]:
    """Every need names another step of the same runbook."""
    for number, step in book.steps:
        for place, need in enumerate(step.needs or ()):
            if need == step.id:
                yield book.of_step(number, f"step {step.id!r} needs itself", "take it out", "needs", place)
            elif need not in book.numbers:
                close = get_close_matches(need, book.numbers, n=1)
                mend = f"did you mean {close[0]!r}?" if close else f"the steps are: {', '.join(book.numbers)}"
                yield book.of_step(
                    number, f"step {step.id!r} needs {need!r}, which is no step here", mend, "needs", place
                )


def no_circles(book: Book) -> Iterator[Problem]:
    """Steps that wait for each other would never start."""
    legs = [Leg(name, tuple(n for n in wanted if n != name), 0.0) for name, wanted in book.needs.items()]
    try:
        in_order(legs)
    except CycleFound as error:
        # The one that names its needs is the one to mend; a step without needs only follows the file's order.
        named = [name for name in error.circle if book.runbook.steps[book.numbers[name]].needs]
        number = book.numbers[(named or list(error.circle))[0]]
        part = "needs" if named else "id"
        yield book.of_step(number, f"the needs go round in a circle: {error}", "take one need out of the circle", part)


RULES = (each_id_once, needs_are_there, no_circles)
