"""A recovery says how it knows that it worked."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.lint.book import books_of
from orchestrator.documents.lint.whole import Whole
from orchestrator.errors import Problem


def the_result_is_looked_at(whole: Whole) -> Iterator[Problem]:
    """After the last change something looks: the step's own verify, a later probe, or the steady state."""
    if whole.book.runbook.steady_state:
        return  # probed by the program after everything
    followed: set[str] = set()
    for step in reversed(whole.steps):  # each after those that wait for it
        if step.step.is_changing or step.looks or step.id in followed:
            followed.update(step.needs)
    for step in whole.steps:
        if step.step.is_changing and not step.looks and step.id not in followed:
            message = f"nothing verifies the result of the last change, {step.id!r}"
            yield step.problem(message, "add verify to it, a probe step after it, or steady_state to the runbook")


def a_recovery_knows_when_it_is_done(whole: Whole) -> Iterator[Problem]:
    """Without a steady state and without a step that marks the service restored, an RTO can never be proven."""
    runbook = whole.book.runbook
    if runbook.purpose != "recovery" or not whole.steps:
        return
    if not runbook.steady_state and not any(step.restores for step in whole.steps):
        message = "no verification: neither steady_state nor a step that marks service_restored"
        mend = "add marks: service_restored to the step that brings the service back, and steady_state"
        yield whole.book.problem(("runbook",), message, mend, key=True)
    elif not any(step.restores for step in whole.steps):
        message = "no step marks service_restored, so the RTO stays unproven"
        mend = "add marks: service_restored to the step that brings the service back"
        yield whole.book.problem(("runbook",), message, mend, key=True, warning=True)


def a_change_takes_a_lock(whole: Whole) -> Iterator[Problem]:
    """Without a lock a second run could work on the same target at the same time."""
    if any(book.runbook.locks for book in books_of(whole.loaded)):
        return
    if any(step.step.is_changing for step in whole.steps):
        message = "changes something, but takes no lock: a second run could work on the same target at once"
        mend = "add locks, e.g. locks: ['cluster/{{ cluster }}']"
        yield whole.book.problem(("runbook",), message, mend, key=True, warning=True)


RULES = (a_change_takes_a_lock, the_result_is_looked_at, a_recovery_knows_when_it_is_done)
