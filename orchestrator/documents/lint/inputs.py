"""Inputs: what is declared fits itself, and what is given to nested runbooks and in drills is what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from orchestrator.documents.lint.book import Book
from orchestrator.documents.lint.references import RESERVED
from orchestrator.documents.source import Keys, Source
from orchestrator.documents.templates import templates_in
from orchestrator.engine.inputs import check_inputs
from orchestrator.errors import Problem, UsageError
from orchestrator.model.document import Text
from orchestrator.model.runbook import InputSpec, Runbook


def declared_inputs_fit_themselves(book: Book) -> Iterator[Problem]:
    """Patterns are regular expressions, defaults pass their own checks, names hide nothing."""
    for name, spec in book.runbook.inputs.items():
        path = ("inputs", name)
        if name in RESERVED:
            yield book.problem(path, f"an input named {name!r} would hide a word of templates", "rename it", key=True)
        if spec.pattern is not None and not _compiles(spec.pattern):
            yield book.problem((*path, "pattern"), "not a regular expression", "mend the pattern")
        elif spec.default is not None:
            wrong = _misfit(name, spec, spec.default)
            if wrong:
                yield book.problem(
                    (*path, "default"), f"the default does not fit: {wrong}", "mend default or its checks"
                )
        if spec.min is not None and spec.max is not None and spec.min > spec.max:
            yield book.problem((*path, "min"), "min is above max", "swap them")


def when_asks_for_known_inputs(book: Book) -> Iterator[Problem]:
    """A condition on an input that does not exist never holds."""
    for number, step in book.steps:
        for name in step.when.inputs if step.when else ():
            if name not in book.runbook.inputs:
                path = ("steps", number, "when", "inputs", name)
                yield book.problem(path, f"{name!r} is no input of this runbook", _meant(name, book.runbook), key=True)


def nested_runbooks_get_their_inputs(book: Book) -> Iterator[Problem]:
    """A nesting step gives what the nested runbook asks for, and nothing else."""
    for number, step in book.steps:
        if step.runbook is not None and step.runbook.file in book.loaded.nested:
            inner = book.loaded.nested[step.runbook.file]
            path = ("steps", number, "runbook", "inputs")
            yield from _given(book.source, path, inner, step.runbook.inputs)
            for name, spec in inner.inputs.items():
                if spec.required and spec.default is None and name not in step.runbook.inputs:
                    message = f"the runbook {step.runbook.file} needs the input {name!r}"
                    mend = f"add {name} to inputs"
                    yield book.problem(("steps", number, "runbook", "file"), message, mend)


def drills_give_known_inputs(book: Book) -> Iterator[Problem]:
    """What a drill gives, its runbook takes."""
    drill = book.loaded.drill
    if drill is not None and not book.file:
        yield from _given(book.loaded.sources["drill"], ("inputs",), book.runbook, drill.inputs)


def _given(source: Source, path: Keys, runbook: Runbook, given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in given.items():
        if name not in runbook.inputs:
            message = f"{name!r} is no input of {runbook.runbook}"
            yield source.problem((*path, name), message, _meant(name, runbook), key=True)
        elif not any(templates_in(value)):
            wrong = _misfit(name, runbook.inputs[name], value)
            if wrong:
                yield source.problem((*path, name), wrong, f"see the inputs of {runbook.runbook}")


def _misfit(name: str, spec: InputSpec, value: Any) -> str:
    """Why the value does not fit, in the words the starter of a run would read; empty where it does."""
    if spec.pattern is not None and not _compiles(spec.pattern):
        return ""
    probe = Runbook.model_construct(runbook="", title=Text(en=""), steps=(), inputs={name: spec})
    try:
        check_inputs(probe, {name: value})
    except UsageError as error:
        return error.message.removeprefix("runbook : ")
    return ""


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _meant(name: str, runbook: Runbook) -> str:
    close = get_close_matches(name, runbook.inputs, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(runbook.inputs) or 'none'}"


RULES = (
    declared_inputs_fit_themselves,
    when_asks_for_known_inputs,
    nested_runbooks_get_their_inputs,
    drills_give_known_inputs,
)
