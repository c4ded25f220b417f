"""Shared-component faults: a host that everybody needs is gone, or hangs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.lab.sites.faults import Fault, Notes

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

_PRIMARY = "db-a"


def _off(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    lab.host(words.get("host", _PRIMARY)).power_off()
    return {}


def _on(lab: SitesLab, notes: Notes) -> None:
    lab.host(str(notes["host"])).power_on()


def _freeze(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    lab.host(words.get("host", _PRIMARY)).freeze()
    return {}


def _thaw(lab: SitesLab, notes: Notes) -> None:
    lab.host(str(notes["host"])).thaw()


FAULTS = {
    "host-off": Fault("the host loses its power at once (host=NAME, else the primary)", _PRIMARY, _off, _on),
    "host-frozen": Fault(
        "the host hangs: it answers nothing, keeps its disk, and may come back (host=NAME)", _PRIMARY, _freeze, _thaw
    ),
}
"""Faults of this class, by name."""
