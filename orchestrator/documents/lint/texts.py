"""Texts are there in both languages: records and reports are read in English and in Chinese."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.lint.book import Book
from orchestrator.documents.source import Keys
from orchestrator.errors import Problem
from orchestrator.model.document import Text


def chinese_is_there(book: Book) -> Iterator[Problem]:
    """A title, question or instruction that is only in English is shown in English in the Chinese record."""
    for path, text in _texts(book):
        if text is not None and not text.zh:
            name = next(part for part in reversed(path) if isinstance(part, str))
            mend = "write {en: ..., zh: ...}"
            yield book.problem(path, f"{name} has no Chinese text", mend, warning=True)


def _texts(book: Book) -> Iterator[tuple[Keys, Text | None]]:
    yield ("title",), book.runbook.title
    yield ("summary",), book.runbook.summary
    for number, step in book.steps:
        path: Keys = ("steps", number)
        yield (*path, "title"), step.title
        if step.approve is not None:
            yield (*path, "approve", "question"), step.approve.question
        if step.manual is not None:
            yield (*path, "manual", "instructions"), step.manual.instructions
        if step.undo is not None and step.undo.manual is not None:
            yield (*path, "undo", "manual", "instructions"), step.undo.manual.instructions


RULES = (chinese_is_there,)
