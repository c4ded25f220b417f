"""The lint: what is wrong with a runbook that is well-formed. Each rule file holds rules of one idea.

A rule that looks at one runbook takes a ``Book``; a rule that needs the whole run, nested runbooks laid flat, takes
a ``Whole``. To add a rule, write it in the file it belongs to and name it in that file's ``RULES``.
"""

from __future__ import annotations

from orchestrator.documents.lint import (
    budgets,
    counts,
    fences,
    hosts,
    injection,
    inputs,
    needs,
    people,
    promises,
    references,
    secrets,
    texts,
    verification,
)
from orchestrator.documents.lint.book import books_of
from orchestrator.documents.lint.whole import whole_of
from orchestrator.documents.loading import Loaded
from orchestrator.errors import Problem

_OF_A_BOOK = (needs, counts, promises, references, inputs, hosts, secrets, injection, texts)
_OF_THE_WHOLE = (verification, fences, budgets, people)


def lint(loaded: Loaded) -> list[Problem]:
    """Every problem of the runbook, its nested runbooks, its drill and what they name; sorted by place.

    Problems with ``warning`` set do not make it unfit to run. Nothing is changed and nothing is reached.
    """
    found: set[Problem] = set()
    for book in books_of(loaded):
        for room in _OF_A_BOOK:
            for rule in room.RULES:
                found.update(rule(book))
    whole = whole_of(loaded)
    for room in _OF_THE_WHOLE:
        for rule in room.RULES:
            found.update(rule(whole))
    return sorted(found)
