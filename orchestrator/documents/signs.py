"""Signs documents: read with what they are about, put into words for one system or host, and left out with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.documents.files import read_file
from orchestrator.documents.inventory import load_inventory
from orchestrator.documents.parse import parse
from orchestrator.documents.source import Source
from orchestrator.documents.templates import TemplateRenderer
from orchestrator.documents.workspace import Site, Workspace
from orchestrator.engine.planned import as_data, plain
from orchestrator.errors import DocumentError, ExecutorError, UsageError
from orchestrator.model.diagnosis import LeftOut
from orchestrator.model.estate import Estate
from orchestrator.model.inventory import Inventory
from orchestrator.model.signs import Look, Signs
from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Ground:
    """What a diagnosis works with: all signs that can be read, and the site. Broken files are in ``left_out``."""

    site: Site
    inventory: Inventory
    estate: Estate | None
    signs: Mapping[str, Signs]
    """By the file's path relative to signs/."""
    left_out: tuple[LeftOut, ...]


def survey(workspace: Workspace, site: str | None = None, *, inventory: Path | None = None) -> Ground:
    """Read it all. A signs file that is wrong is left out with its problems: it must not stand in the others' way.

    Raises UsageError where there is no site, DocumentError where its inventory or estate cannot be read.
    """
    place = workspace.site(site, inventory=inventory)
    if place is None:
        raise UsageError("there is no inventory to look at", mend="write inventories/<site>/hosts.yml, or name one")
    hosts = load_inventory(place.inventory)
    estate = place.directory / "estate.yaml"
    known = parse(read_file(estate), Estate) if estate.exists() else None
    found: dict[str, Signs] = {}
    broken: list[LeftOut] = []
    for file in workspace.signs():
        try:
            found[file] = read_signs(workspace, file)[0]
        except (DocumentError, UsageError) as error:
            broken.append(LeftOut(file, str(error), broken=True))
    return Ground(place, hosts, known, found, tuple(broken))


def read_signs(workspace: Workspace, file: str) -> tuple[Signs, Source]:
    """One signs document with the positions of its parts. Raises UsageError, DocumentError."""
    source = read_file(workspace.inside("signs", file))
    return parse(source, Signs), source


@dataclass(frozen=True, slots=True)
class Worded:
    """A look with its values put in. ``trouble`` says why it cannot be taken."""

    look: Look
    spec: Mapping[str, Any]
    expect: Mapping[str, Any]
    trouble: str = ""


def worded(look: Look, scope: Mapping[str, Any]) -> Worded:
    """The look for one system or host. A template without a value is a trouble, not an exception."""
    expect = {path: as_data(matcher.model_dump(exclude_unset=True)) for path, matcher in look.expect.items()}
    try:
        spec, wanted = TemplateRenderer().render([plain(look.action), expect], scope)
    except ExecutorError as error:
        return Worded(look, {}, expect, error.message)
    return Worded(look, spec, wanted)


def names_in_spec(kind: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """The hosts and groups that a look names."""
    if kind == "fabric":
        yield spec["host"]
        return
    if "target" in spec:
        yield spec["target"]
    if "tcp" in spec:
        yield spec["tcp"]["address"].rpartition(":")[0]
    if "target" in spec.get("http", {}):
        yield spec["http"]["target"]


def unknown_names(looks: list[Worded], inventory: Inventory) -> list[str]:
    """Names in looks that this site's inventory does not have; in order, once each."""
    known = {"all", *inventory.hosts, *inventory.groups}
    named = (name for one in looks if not one.trouble for name in names_in_spec(one.look.kind, one.spec))
    return list(dict.fromkeys(name for name in named if name not in known))
