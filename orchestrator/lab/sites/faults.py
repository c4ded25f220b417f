"""Faults of the hosts lab: what can be broken, and which are on.

Each fault class has a file of its own with a table of faults; ``table`` puts them together. A fault that is on has a
file in the lab's ``faults`` directory with the moment it began and what is needed to heal it, so that another
process, or one after a crash, can heal it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.faults import Moment

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_MODULES = ("faults_redundant", "faults_shared", "faults_paging", "faults_performance", "faults_site", "faults_bmc")

Notes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: what it does in one sentence, and where.

    ``make`` gets the lab and the words of ``break`` (``host=db-a``), and answers what ``heal`` will need; it must
    do no harm where half of it was done before. ``heal`` must do no harm where it is whole already.
    """

    what: str
    host: str
    make: Callable[[SitesLab, Mapping[str, str]], Notes]
    heal: Callable[[SitesLab, Notes], None]


def table() -> dict[str, Fault]:
    """All faults by name."""
    found: dict[str, Fault] = {}
    for module in _MODULES:
        name = f"{__package__}.{module}"
        if importlib.util.find_spec(name) is not None:
            found.update(importlib.import_module(name).FAULTS)
    return found


def break_(lab: SitesLab, name: str, words: Mapping[str, str]) -> Moment:
    """Make a fault happen; one that is on already stays as it is, with its moment. Raises LabError."""
    fault = _known(name)
    host = words.get("host", fault.host)
    file = lab.directory / "faults" / name
    before = _noted(file)
    if before.get("done"):
        return Moment(name, str(before["host"]), str(before["at"]), changed=False)
    at = str(before.get("at") or effects.now())
    _note(file, {"at": at, "host": host, "words": dict(words), "done": False})
    try:
        notes = fault.make(lab, words)
    except LabError:
        if not before:
            file.unlink(missing_ok=True)
        raise
    # A fault that takes time to make may say itself since when it is in effect.
    at = str(before.get("at") or notes.get("at") or at)
    _note(file, {**notes, "at": at, "host": host, "words": dict(words), "done": True})
    effects.record(lab.effects_log, f"break:{name}", host)
    return Moment(name, host, at, changed=True)


def heal(lab: SitesLab, name: str) -> bool:
    """Take a fault away; answers whether it was on. Raises LabError."""
    fault = _known(name)
    file = lab.directory / "faults" / name
    if not file.exists():
        return False
    notes = _noted(file)
    fault.heal(lab, notes)
    file.unlink()
    effects.record(lab.effects_log, f"heal:{name}", str(notes.get("host", fault.host)))
    return True


def active(lab: SitesLab) -> dict[str, str]:
    """Faults that are on, with the moment each began."""
    place = lab.directory / "faults"
    return {file.name: str(_noted(file).get("at", "")) for file in sorted(place.iterdir()) if file.suffix != ".new"}


def _known(name: str) -> Fault:
    known = table()
    if name not in known:
        raise LabError(f"there is no fault {name!r}", mend=f"known: {', '.join(known)}")
    return known[name]


def _noted(file: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return notes


def _note(file: Path, notes: Notes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(dict(notes)))
    fresh.replace(file)
