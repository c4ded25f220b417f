"""Signs documents: what they name is there, and the looks are held to the same rules as a runbook's steps."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from orchestrator.documents.files import read_file
from orchestrator.documents.inventory import load_inventory
from orchestrator.documents.lint import hosts, injection, references, secrets, texts
from orchestrator.documents.lint.book import Book
from orchestrator.documents.loading import Loaded
from orchestrator.documents.parse import parse
from orchestrator.documents.secret_names import is_reference
from orchestrator.documents.signs import read_signs
from orchestrator.documents.source import Keys, Source
from orchestrator.documents.template_marks import has_template
from orchestrator.documents.workspace import Workspace
from orchestrator.engine.inputs import check_inputs
from orchestrator.errors import DocumentError, Problem, UsageError
from orchestrator.model.runbook import InputSpec, Runbook, Step
from orchestrator.model.signs import ConditionBody, Signs

_ROOMS = (references, hosts, secrets, injection, texts)
_NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
_GIVEN = {name: InputSpec(pattern=_NAME) for name in ("target", "system", "site")}
"""What templates in looks may read of the target; ``host`` (its variables) only where the signs are about hosts."""


def lint_signs(workspace: Workspace, file: str, *, site: str | None, inventory: Path | None) -> list[Problem]:
    """Every problem of one signs document, sorted by place. Raises DocumentError where it cannot be read at all."""
    signs, source = read_signs(workspace, file)
    place = workspace.site(site, inventory=inventory)
    book = _as_book(workspace, signs, source, load_inventory(place.inventory) if place else None)
    found = {problem for room in _ROOMS for rule in room.RULES for problem in rule(book)}
    for rule in (_looks_are_unique, _conditions_name_looks, _groups_are_known, _secrets_are_references):
        found.update(rule(signs, source, book))
    found.update(_the_runbook_fits(workspace, signs, source))
    return sorted(found)


def _as_book(workspace: Workspace, signs: Signs, source: Source, inventory: Any) -> Book:
    """The looks as the steps of a runbook that changes nothing, so that all rules on steps are rules on looks."""
    given = {**_GIVEN, **({"host": InputSpec()} if signs.about == "host" else {})}
    runbook = Runbook(
        runbook=signs.signs,
        purpose="change",
        title=signs.title,
        inputs={**given, **{name: InputSpec(type="secret") for name in signs.secrets}},
        steps=tuple(
            Step(id=look.id, title=look.title, probe=look.probe, fabric=look.fabric, expect=look.expect, changes=False)
            for look in signs.looks
        ),
    )
    as_steps = Source(
        source.file,
        {("steps" if key == "looks" else key): value for key, value in source.data.items()},
        {_renamed(path): position for path, position in source.positions.items()},
    )
    loaded = Loaded(
        workspace, "", runbook, {}, None, inventory, None, None, None, digests={}, sources={"runbook": as_steps}
    )
    return Book(loaded, runbook, as_steps)


def _renamed(path: Keys) -> Keys:
    return ("steps", *path[1:]) if path[:1] == ("looks",) else path


def _looks_are_unique(signs: Signs, source: Source, _book: Book) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, look in enumerate(signs.looks):
        if look.id in seen:
            yield source.problem(("looks", number, "id"), f"the look {look.id!r} is there twice", "give it another id")
        seen.add(look.id)


def _conditions_name_looks(signs: Signs, source: Source, _book: Book) -> Iterator[Problem]:
    known = [look.id for look in signs.looks]
    for path, name in _named(signs.recognised, ("recognised",)):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            mend = f"did you mean {close[0]!r}?" if close else f"the looks are: {', '.join(known)}"
            yield source.problem(source.settle(path), f"there is no look {name!r}", mend)


def _named(condition: ConditionBody, path: Keys) -> Iterator[tuple[Keys, str]]:
    for key in ("holds", "unseen"):
        name = getattr(condition, key)
        if name is not None:
            yield (*path, key), name
    if condition.negated is not None:
        yield from _named(condition.negated, (*path, "not"))
    for key, parts in (("all", condition.every), ("any", condition.some)):
        for number, part in enumerate(parts or ()):
            yield from _named(part, (*path, key, number))


def _groups_are_known(signs: Signs, source: Source, book: Book) -> Iterator[Problem]:
    inventory = book.loaded.inventory
    if inventory is None:
        return
    for number, name in enumerate(signs.groups):
        if name not in inventory.groups and name not in inventory.hosts:
            mend = f"the inventory has: {', '.join(sorted([*inventory.groups, *inventory.hosts])[:20])}"
            yield source.problem(("groups", number), f"no host or group {name!r} in the inventory", mend)


def _secrets_are_references(signs: Signs, source: Source, _book: Book) -> Iterator[Problem]:
    for name, value in signs.secrets.items():
        if not is_reference(value):
            yield source.problem(
                ("secrets", name), f"the secret {name} is written down", "write env:NAME or file:/path"
            )


def _the_runbook_fits(workspace: Workspace, signs: Signs, source: Source) -> Iterator[Problem]:
    """It is there, is for this class, and gets the inputs it needs."""
    path: Keys = ("start", "runbook")
    try:
        file = workspace.find_runbook(signs.start.runbook)
        runbook = parse(read_file(workspace.inside("runbooks", file)), Runbook)
    except UsageError as error:
        yield source.problem(path, error.message, error.mend)
        return
    except DocumentError:
        return  # its own lint names what is wrong with it
    if runbook.fault_class is not signs.fault_class:
        message = f"{file} is for {runbook.fault_class or 'no fault class'}, these signs are for {signs.fault_class}"
        yield source.problem(path, message, "name a runbook for this class")
    given = signs.start.inputs
    certain = {name: value for name, value in given.items() if not (isinstance(value, str) and has_template(value))}
    spare = {name: spec for name, spec in runbook.inputs.items() if name not in given or name in certain}
    try:
        check_inputs(runbook.model_copy(update={"inputs": spare}), certain)
    except UsageError as error:
        yield source.problem(("start", "inputs"), error.message, error.mend)
