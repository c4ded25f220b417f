"""Breaking and healing a BMC and the parts it watches. Any process may call these; the service sees it at once."""

from __future__ import annotations

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc.place import Place
from orchestrator.lab.sites.bmc.state import HEALTHS, PARTS

DENIED, LIES, HANGS = "denied", "lies", "hangs"
REFUSALS = (DENIED, LIES, HANGS)
"""denied: the switch answers with an error; lies: it says done and Off, and does nothing; hangs: no answer for a
minute, and nothing done."""
FETCH, IMAGE, APPLY = "fetch", "image", "apply"
UPDATE_FAILURES = (FETCH, IMAGE, APPLY)
"""Where a firmware update breaks: the image cannot be fetched, is damaged, or is not taken at the reset."""


def set_health(place: Place, host: str, part: str, value: str) -> None:
    """Let a part be OK, Warning, Critical or Absent (taken out). Raises LabError for an unknown part or value."""
    _known(part, PARTS, "part")
    _known(value, HEALTHS, "health")
    with place.store(host).change() as state:
        state.health[part] = value


def refuse_power(place: Place, host: str, how: str) -> None:
    """Let the power switch fail in one of the ways of ``REFUSALS``."""
    _known(how, REFUSALS, "way to refuse")
    with place.store(host).change() as state:
        state.power_fault = how


def fail_update(place: Place, host: str, stage: str) -> None:
    """Let every firmware update break at one of the stages of ``UPDATE_FAILURES``."""
    _known(stage, UPDATE_FAILURES, "stage")
    with place.store(host).change() as state:
        state.update_fault = stage


def heal(place: Place, host: str, what: str = "all") -> bool:
    """Take a fault away: ``power``, ``update``, a part's name, or ``all``. Answers whether anything was broken."""
    _known(what, ("all", "power", "update", *PARTS), "thing to heal")
    changed = False
    with place.store(host).change() as state:
        for part in PARTS:
            if what in ("all", part) and state.health[part] != "OK":
                state.health[part], changed = "OK", True
        if what in ("all", "power") and state.power_fault:
            state.power_fault, changed = "", True
        if what in ("all", "update") and state.update_fault:
            state.update_fault, changed = "", True
    return changed


def active(place: Place, host: str) -> dict[str, str]:
    """What is wrong with a host's BMC or parts: ``power``, ``update`` or a part's name, and how."""
    state = place.store(host).read()
    found = {part: value for part, value in state.health.items() if value != "OK"}
    if state.power_fault:
        found["power"] = state.power_fault
    if state.update_fault:
        found["update"] = state.update_fault
    return found


def _known(name: str, names: tuple[str, ...], what: str) -> None:
    if name not in names:
        raise LabError(f"there is no {what} {name!r}", mend=f"known: {', '.join(names)}")
