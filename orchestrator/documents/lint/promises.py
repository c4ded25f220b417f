"""What a step promises: how long it may take, how it is taken back, and what happens when it is in doubt."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.lint.book import Book
from orchestrator.errors import Problem
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.duration import format_duration

_OF_A_NESTING_STEP = frozenset({"id", "title", "runbook", "needs", "when"})


def has_a_timeout(book: Book) -> Iterator[Problem]:
    """Every step that works has a bound; people are waited for until the deadline, nested steps have their own."""
    for number, step in book.steps:
        if step.kind == "approve" and step.timeout is None and step.approve is not None:
            if step.approve.deadline is None:
                mend = "add deadline to approve, e.g. deadline: 30m"
                yield book.of_step(number, f"step {step.id!r} asks and has no deadline", mend, "approve", warning=True)
        elif step.timeout is None and step.kind not in (*ASKS_PEOPLE, "runbook"):
            example = format_duration(step.budget * 3) if step.budget else "5m"
            yield book.of_step(number, f"step {step.id!r} has no timeout", f"add timeout, e.g. timeout: {example}")


def budget_within_timeout(book: Book) -> Iterator[Problem]:
    """A budget above the timeout can never be breached: the step is stopped first."""
    for number, step in book.steps:
        if step.budget is not None and step.timeout is not None and step.budget > step.timeout:
            message = f"the budget {format_duration(step.budget)} is above the timeout {format_duration(step.timeout)}"
            yield book.of_step(number, message, "make the budget smaller or the timeout longer", "budget")
        waits = step.wait.duration if step.wait is not None else None
        if waits is not None and step.timeout is not None and waits >= step.timeout:
            message = f"waits {format_duration(waits)}, but its timeout is {format_duration(step.timeout)}"
            yield book.of_step(number, message, "make the timeout longer than the wait", "timeout")


def can_be_taken_back(book: Book) -> Iterator[Problem]:
    """A change says how it is undone, or why it cannot be."""
    for number, step in book.steps:
        if step.irreversible is not None and not step.irreversible.strip():
            yield book.of_step(number, "irreversible gives no reason", "say why it cannot be undone", "irreversible")
        if step.kind == "runbook":
            continue
        if step.is_changing and step.undo is None and step.irreversible is None:
            yield book.of_step(
                number,
                f"step {step.id!r} changes something and has neither undo nor irreversible",
                "add undo, or irreversible: <reason>; or changes: false if it only looks",
            )
        if not step.is_changing and step.undo is not None:
            mend = "take undo out, or say changes: true"
            yield book.of_step(number, f"step {step.id!r} changes nothing, but has undo", mend, "undo", warning=True)


def repeats_only_what_may_be_repeated(book: Book) -> Iterator[Problem]:
    """A change is done twice only where that is declared harmless; a doubt is settled by something that can look."""
    harmless = "add idempotent: true if doing it twice does no harm"
    for number, step in book.steps:
        if step.is_changing and not step.idempotent:
            if step.retries is not None:
                message = f"step {step.id!r} is retried, but changes something and is not idempotent"
                yield book.of_step(number, message, f"{harmless}, or take retries out", "retries")
            if step.on_doubt == "rerun":
                message = f"step {step.id!r} is rerun in doubt, but is not idempotent"
                yield book.of_step(number, message, f"{harmless}, or use on_doubt: probe or ask", "on_doubt")
        if step.on_doubt == "probe" and not step.verify:
            message = f"step {step.id!r} is probed in doubt, but has no verify to probe with"
            yield book.of_step(number, message, "add verify: what shows that it took effect", "on_doubt")


def nesting_says_nothing_more(book: Book) -> Iterator[Problem]:
    """What is promised about a step that nests a runbook would be lost: its steps stand in its place."""
    for number, step in book.steps:
        if step.kind != "runbook":
            continue
        written = book.data(("steps", number))
        for name in written if isinstance(written, dict) else ():
            if name not in _OF_A_NESTING_STEP:
                message = f"{name!r} has no effect on a step that nests a runbook"
                path = ("steps", number, name)
                yield book.problem(path, message, "put it on the steps of the nested runbook", key=True)


RULES = (
    has_a_timeout,
    budget_within_timeout,
    can_be_taken_back,
    repeats_only_what_may_be_repeated,
    nesting_says_nothing_more,
)
