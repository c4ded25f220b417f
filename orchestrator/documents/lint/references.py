"""Templates read only what will be there: declared inputs, and outputs of steps that have certainly ended."""

from __future__ import annotations

from collections.abc import Container, Iterator
from difflib import get_close_matches

from orchestrator.documents.lint.book import Book
from orchestrator.documents.source import Keys
from orchestrator.documents.template_marks import NotTaken, names_in
from orchestrator.documents.templates import templates_in
from orchestrator.errors import Problem
from orchestrator.model.actions import ACTIONS

_RENDERED = frozenset({*ACTIONS, "expect", "verify", "undo"})
"""Parts of a step in which templates are rendered."""
_AFTERWARDS = frozenset({"verify", "undo"})
"""Parts that are rendered when the step's own output is there."""
_WHEN_PLANNED = frozenset({"locks", "runbook"})
"""Parts that are rendered while the plan is made, when there is no run yet: they see the inputs only."""
_PLAIN = frozenset({"title", "irreversible", "when"})
"""Parts in which a template is surely a mistake."""
_RUN = ("id", "mode", "runbook")
_STEP = ("output", "status")
RESERVED = frozenset({"inputs", "steps", "run"})


def templates_read_what_is_there(book: Book) -> Iterator[Problem]:
    """Unknown names, and steps that may not have ended, are found before the night."""
    for part in ("locks", "steady_state"):
        for path, template in templates_in(book.data((part,)), (part,)):
            yield from _check(book, path, template, None if part in _WHEN_PLANNED else frozenset())
    for number, step in book.steps:
        written = book.data(("steps", number))
        for name in written if isinstance(written, dict) else ():
            ended = book.before.ended(step.id, *((step.id,) if name in _AFTERWARDS else ()))
            for path, template in templates_in(written[name], ("steps", number, name)):
                if name in _RENDERED:
                    yield from _check(book, path, template, None if name in _WHEN_PLANNED else ended)
                elif name in _PLAIN:
                    yield book.problem(path, f"{name} is not rendered: the template stays as it is", "write plain text")


def _check(book: Book, path: Keys, template: str, ended: Container[str] | None) -> Iterator[Problem]:
    """``ended``: the steps whose output is there; None while the plan is made."""
    try:
        names = names_in(template)
    except NotTaken as error:
        yield book.problem(path, str(error), error.mend)
        return
    for name in sorted(names):
        parts = name.split(".")
        if parts[0] in ("steps", "run") and ended is None:
            found: tuple[str, str] | None = (
                f"{name} is not known yet when this is rendered: the plan is only being made",
                "use inputs only",
            )
        elif parts[0] == "steps":
            found = _step(book, parts[1:], ended if ended is not None else ())
        elif parts[0] == "run":
            found = _run(parts[1:])
        elif parts[0] == "inputs":
            found = _input(book, parts[1]) if len(parts) > 1 else None
        else:
            found = _input(book, parts[0])
        if found is not None:
            yield book.problem(path, *found)


def _input(book: Book, name: str) -> tuple[str, str] | None:
    inputs = book.runbook.inputs
    if name in inputs:
        return None
    dashed = next((known for known in inputs if known.startswith(f"{name}-")), None)
    close = get_close_matches(name, inputs, n=1)
    if dashed is not None:
        mend = f"a '-' subtracts; write inputs['{dashed}']"
    elif close:
        mend = f"did you mean {close[0]!r}?"
    elif name in book.numbers:
        mend = f"a step's output is steps.{name}.output"
    else:
        mend = f"declare it under inputs; there are: {', '.join(inputs) or 'none'}"
    return f"{name!r} is no input of this runbook", mend


def _step(book: Book, parts: list[str], ended: Container[str]) -> tuple[str, str] | None:
    if not parts:
        return "steps stands for no value", "write steps.<id>.output.<name>"
    name = parts[0]
    if name not in book.numbers:
        dashed = next((known for known in book.numbers if known.startswith(f"{name}-")), None)
        close = get_close_matches(name, book.numbers, n=1)
        if dashed is not None:
            return f"{name!r} is no step here", f"a '-' subtracts; write steps['{dashed}'].output"
        mend = f"did you mean {close[0]!r}?" if close else f"the steps are: {', '.join(book.numbers)}"
        return f"{name!r} is no step here", mend
    if book.runbook.steps[book.numbers[name]].kind == "runbook":
        return f"step {name!r} nests a runbook and has no output of its own", "read it in the nested runbook"
    if name not in ended:
        return f"step {name!r} need not have ended before this", f"add {name} to needs"
    if len(parts) > 1 and parts[1] not in _STEP:
        return f"a step has no {parts[1]!r}", f"write steps.{name}.output.{'.'.join(parts[1:])}"
    return None


def _run(parts: list[str]) -> tuple[str, str] | None:
    if parts and parts[0] not in _RUN:
        return f"run has no {parts[0]!r}", f"there are: {', '.join(f'run.{name}' for name in _RUN)}"
    return None


RULES = (templates_read_what_is_there,)
