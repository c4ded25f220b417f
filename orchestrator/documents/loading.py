"""One call that loads everything a plan needs, and names every problem in all of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from orchestrator.documents.digests import digests
from orchestrator.documents.files import read_file
from orchestrator.documents.inventory import load_inventory
from orchestrator.documents.parse import parse
from orchestrator.documents.source import Source
from orchestrator.documents.workspace import Site, Workspace
from orchestrator.engine.planner import Material
from orchestrator.errors import DocumentError, Problem, UsageError
from orchestrator.model.document import Document
from orchestrator.model.drill import Drill
from orchestrator.model.estate import Estate, ServiceLevel
from orchestrator.model.inventory import Inventory
from orchestrator.model.runbook import Runbook
from orchestrator.plain import dataclass

D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A runbook with all that belongs to it.

    ``file`` is the runbook's path relative to runbooks/. ``nested`` is keyed by the file as the nesting step names it.
    ``sources`` has the positions: keys ``runbook``, ``drill``, ``estate``, ``service_level`` and ``nested:<file>``.
    """

    workspace: Workspace
    file: str
    runbook: Runbook
    nested: Mapping[str, Runbook]
    site: Site | None
    inventory: Inventory | None
    estate: Estate | None
    service_level: ServiceLevel | None
    drill: Drill | None
    digests: Mapping[str, str]
    sources: Mapping[str, Source]

    @property
    def material(self) -> Material:
        """What the planner makes a plan of."""
        return Material(
            runbook=self.runbook,
            nested=self.nested,
            estate=self.estate,
            service_level=self.service_level,
            drill=self.drill,
            digests=self.digests,
            site=self.site.name if self.site else "",
        )


def load(
    workspace: Workspace,
    name: str | None = None,
    *,
    site: str | None = None,
    inventory: Path | None = None,
    drill: str | None = None,
) -> Loaded:
    """The runbook ``name`` (or the one ``drill`` exercises) with all that belongs to it.

    ``inventory`` is a hosts file or its directory, and comes instead of the site's. Raises UsageError where a name is
    wrong, and DocumentError with the problems of all files together.
    """
    reading = _Reading(workspace)
    exercise = _drill(reading, drill) if drill is not None else None
    if name is None:
        if exercise is None:
            raise UsageError("no runbook named", mend=f"there are: {', '.join(workspace.runbooks()) or 'none'}")
        name = exercise.runbook
    file = workspace.find_runbook(name)
    if exercise is not None and workspace.find_runbook(exercise.runbook) != file:
        raise UsageError(
            f"the drill {exercise.drill} exercises {exercise.runbook}, not {file}", mend="leave the runbook out"
        )
    place = workspace.site(site, inventory=inventory)
    runbook = reading.document("runbook", workspace.inside("runbooks", file), Runbook)
    if runbook is not None:
        reading.nest(runbook, "runbook", (file,))
    hosts = reading.inventory(place)
    estate = reading.estate(place)
    level = _service_level(reading, place, runbook, estate)
    if reading.problems or runbook is None:
        raise DocumentError(reading.problems)
    parts = digests(
        workspace,
        [file, *reading.files],
        playbooks=any(_uses_ansible(one) for one in (runbook, *reading.nested.values())),
        inventory=place.inventory if place else None,
    )
    return Loaded(
        workspace=workspace,
        file=file,
        runbook=runbook,
        nested=reading.nested,
        site=place,
        inventory=hosts,
        estate=estate,
        service_level=level,
        drill=exercise,
        digests=parts,
        sources=reading.sources,
    )


def _uses_ansible(runbook: Runbook) -> bool:
    return any(step.ansible or (step.undo and step.undo.ansible) for step in runbook.steps)


@dataclass(slots=True)
class _Reading:
    """Reads files one after another and keeps the problems of all of them."""

    workspace: Workspace
    problems: list[Problem] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    nested: dict[str, Runbook] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def document(self, key: str, path: Path, model: type[D]) -> D | None:
        try:
            source = read_file(path)
            self.sources[key] = source
            return parse(source, model)
        except DocumentError as error:
            self.problems.extend(error.problems)
            return None

    def nest(self, runbook: Runbook, key: str, above: tuple[str, ...]) -> None:
        """Load what the runbook nests, and what that nests. ``above`` are the files on the way down to it."""
        for number, step in enumerate(runbook.steps):
            if step.runbook is None:
                continue
            named = step.runbook.file
            path = ("steps", number, "runbook", "file")
            try:
                file = self.workspace.find_runbook(named)
            except UsageError as error:
                self.problems.append(self.sources[key].problem(path, error.message, error.mend))
                continue
            if file in above:
                circle = " -> ".join([*above[above.index(file) :], file])
                self.problems.append(
                    self.sources[key].problem(path, f"runbooks nest each other: {circle}", "take this step out")
                )
                continue
            if named in self.nested:
                continue
            inner = self.document(f"nested:{named}", self.workspace.inside("runbooks", file), Runbook)
            if inner is not None:
                self.nested[named] = inner
                self.files.append(file)
                self.nest(inner, f"nested:{named}", (*above, file))

    def inventory(self, place: Site | None) -> Inventory | None:
        if place is None:
            return None
        try:
            return load_inventory(place.inventory)
        except DocumentError as error:
            self.problems.extend(error.problems)
            return None

    def estate(self, place: Site | None) -> Estate | None:
        path = place.directory / "estate.yaml" if place else None
        return self.document("estate", path, Estate) if path is not None and path.exists() else None


def _drill(reading: _Reading, name: str) -> Drill:
    file = reading.workspace.find_drill(name)
    drill = reading.document("drill", reading.workspace.inside("drills", file), Drill)
    if drill is None:
        raise DocumentError(reading.problems)
    try:
        reading.workspace.find_runbook(drill.runbook)
    except UsageError as error:
        raise DocumentError([reading.sources["drill"].problem(("runbook",), error.message, error.mend)]) from error
    return drill


def _service_level(
    reading: _Reading, place: Site | None, runbook: Runbook | None, estate: Estate | None
) -> ServiceLevel | None:
    """The contract of the runbook's system."""
    if place is None or runbook is None or estate is None or runbook.system is None:
        return None
    system = estate.systems.get(runbook.system)
    if system is None:
        close = get_close_matches(runbook.system, estate.systems, n=1)
        mend = f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(estate.systems)}"
        message = f"the estate {estate.estate} has no system {runbook.system!r}"
        reading.problems.append(reading.sources["runbook"].problem(("system",), message, mend))
        return None
    name = f"{system.service_level}.yaml"
    # A site's own contracts come first; those that several sites share stand beside the sites.
    folders = (place.directory / "service-levels", reading.workspace.root / "inventories" / "service-levels")
    path = next((folder / name for folder in folders if (folder / name).exists()), None)
    if path is None:
        where = ("systems", runbook.system, "service_level")
        mend = f"write {folders[0] / name}, or name one that is there"
        reading.problems.append(
            reading.sources["estate"].problem(where, f"there is no service level {system.service_level!r}", mend)
        )
        return None
    return reading.document("service_level", path, ServiceLevel)
