"""Which mode a run is in, and whether a name is a runbook or a drill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UsageError
from orchestrator.model.document import Mode

if TYPE_CHECKING:
    from orchestrator.wiring.app import Holdfast
    from orchestrator.wiring.preparing import Prepared


def mode_of(
    program: Holdfast,
    name: str,
    given: str | None,
    *,
    site: str | None,
    inventory: Path | None,
    or_else: Mode | None = None,
) -> Mode:
    """The mode as given; for a drill's file its own; else ``or_else``.

    Raises UsageError where a runbook comes without any.
    """
    modes = ", ".join(Mode)
    if given is not None:
        if given not in list(Mode):
            raise UsageError(f"there is no mode {given!r}", mend=f"there are {modes}")
        return Mode(given)
    drill = program.load(name, site=site, inventory=inventory).drill
    if drill is None and or_else is not None:
        return or_else
    if drill is None:
        raise UsageError(f"{name} is a runbook, and no mode is given", mend=f"add --mode with one of {modes}")
    return Mode.TABLETOP if drill.type == "tabletop" else Mode.DRILL


def tell_warnings(prepared: Prepared, name: str) -> None:
    """How many warnings there are; their texts are for the day, not for the night."""
    from orchestrator.cli.streams import warn

    count = len(prepared.warnings)
    if count:
        warn(f"{count} warning{'' if count == 1 else 's'}; see: holdfast lint {name}")
