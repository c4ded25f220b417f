"""Faults of the management controllers and of the parts they watch: supplies, fans, the power switch, firmware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc import faults as bmc
from orchestrator.lab.sites.bmc.part import place_of
from orchestrator.lab.sites.faults import Fault, Notes

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_HOST = "db-a"
Make = Callable[["SitesLab", Mapping[str, str]], dict[str, Any]]


def _part(kind: str) -> Make:
    def make(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
        part = words.get("part", f"{kind}-2")
        if not part.startswith(f"{kind}-"):
            raise LabError(f"{part!r} is no {kind}", mend=f"name one like {kind}-1")
        bmc.set_health(place_of(lab), words.get("host", _HOST), part, words.get("health", "Critical"))
        return {"what": part}

    return make


def _switch(how: str) -> Make:
    def make(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
        bmc.refuse_power(place_of(lab), words.get("host", _HOST), how)
        return {"what": "power"}

    return make


def _update(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    bmc.fail_update(place_of(lab), words.get("host", _HOST), words.get("stage", bmc.APPLY))
    return {"what": "update"}


def _heal(lab: SitesLab, notes: Notes) -> None:
    bmc.heal(place_of(lab), str(notes["host"]), str(notes["what"]))


FAULTS = {
    "psu-critical": Fault("a power supply fails (host=, part=psu-1 or psu-2, health=)", _HOST, _part("psu"), _heal),
    "fan-critical": Fault("a fan fails (host=, part=fan-1 to fan-4, health=)", _HOST, _part("fan"), _heal),
    "fence-denied": Fault("the power switch answers with an error (host=)", _HOST, _switch(bmc.DENIED), _heal),
    "fence-lies": Fault("the power switch says off and does nothing (host=)", _HOST, _switch(bmc.LIES), _heal),
    "fence-hangs": Fault("the power switch answers nothing for a minute (host=)", _HOST, _switch(bmc.HANGS), _heal),
    "firmware-fails": Fault("firmware updates fail (host=, stage=fetch, image or apply)", _HOST, _update, _heal),
}
"""Faults by name."""
