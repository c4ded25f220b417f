"""People and systems the estate knows: whoever is asked can be found."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from orchestrator.documents.lint.whole import Whole
from orchestrator.errors import ExecutorError, Problem


def _unknown(name: str, whole: Whole) -> tuple[str, str] | None:
    estate = whole.loaded.estate
    if estate is None or name in estate.contacts:
        return None
    close = get_close_matches(name, estate.contacts, n=1)
    mend = f"did you mean {close[0]!r}?" if close else f"add {name} to contacts in estate.yaml"
    return f"{name!r} is no contact of the estate {estate.estate}", mend


def people_are_contacts(whole: Whole) -> Iterator[Problem]:
    """Approvers and participants can be reached: the estate has them."""
    for step in whole.steps:
        for number, name in enumerate(step.step.approve.of if step.step.approve else ()):
            wrong = _unknown(name, whole)
            if wrong:
                yield step.problem(*wrong, "approve", "of", number, warning=True)
    drill = whole.loaded.drill
    if drill is not None:
        source = whole.loaded.sources["drill"]
        for part, names in (
            ("participants", drill.participants),
            ("live_exercise_approved_by", drill.live_exercise_approved_by),
        ):
            for number, name in enumerate(names):
                wrong = _unknown(name, whole)
                if wrong:
                    yield source.problem((part, number), *wrong, warning=True)


def only_a_live_exercise_is_approved(whole: Whole) -> Iterator[Problem]:
    """Production is touched in a drill only where the drill says so and somebody answers for it."""
    drill = whole.loaded.drill
    if drill is None:
        return
    source = whole.loaded.sources["drill"]
    if drill.type == "live" and not drill.live_exercise_approved_by:
        message = "a live exercise that nobody has approved: production targets will be refused"
        yield source.problem(("type",), message, "add live_exercise_approved_by: [name]", warning=True)
    elif drill.type != "live" and drill.live_exercise_approved_by:
        message = f"approved as a live exercise, but its type is {drill.type}"
        yield source.problem(("live_exercise_approved_by",), message, "say type: live, or take it out", key=True)


def the_estate_fits_together(whole: Whole) -> Iterator[Problem]:
    """Owners, declarers and deputies are contacts, and host groups are in the inventory."""
    estate, inventory = whole.loaded.estate, whole.loaded.inventory
    if estate is None:
        if whole.book.runbook.system is not None:
            message = f"there is no estate to find the system {whole.book.runbook.system!r} in"
            yield whole.book.problem(("system",), message, "write estate.yaml beside hosts.yml", warning=True)
        return
    source = whole.loaded.sources["estate"]
    for name, contact in estate.contacts.items():
        wrong = _unknown(contact.deputy, whole) if contact.deputy else None
        if wrong:
            yield source.problem(("contacts", name, "deputy"), *wrong)
    for name, system in estate.systems.items():
        for part, people in (("owners", system.owners), ("declarers", system.declarers)):
            for number, person in enumerate(people):
                wrong = _unknown(person, whole)
                if wrong:
                    yield source.problem(("systems", name, part, number), *wrong)
        for number, group in enumerate(system.host_groups if inventory is not None else ()):
            try:
                if inventory is not None:
                    inventory.resolve(group)
            except ExecutorError as error:
                yield source.problem(("systems", name, "host_groups", number), error.message, error.mend)


RULES = (people_are_contacts, only_a_live_exercise_is_approved, the_estate_fits_together)
