"""One BMC at work: what its resources look at and act through."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from orchestrator.lab.sites.bmc.place import Bmc, Place
from orchestrator.lab.sites.bmc.port import Power
from orchestrator.lab.sites.bmc.sessions import Sessions
from orchestrator.lab.sites.bmc.state import State, Store
from orchestrator.lab.sites.bmc.switch import HANGING, Switch
from orchestrator.lab.sites.bmc.updates import HOST_FIRMWARE, Updates


@dataclass(frozen=True, slots=True)
class Board:
    """A BMC's parts. ``host`` is the Id of its system, chassis and so on."""

    bmc: Bmc
    store: Store
    switch: Switch
    sessions: Sessions
    updates: Updates

    @property
    def host(self) -> str:
        """The host it looks after."""
        return self.bmc.host

    def state(self) -> State:
        """What it keeps, as it is now."""
        return self.store.read()


def board_for(place: Place, host: str, power: Power, *, stop: threading.Event, hanging: float = HANGING) -> Board:
    """Put a BMC together. Jobs that a dead service left running are ended as failed."""
    store = place.store(host)
    updates = Updates(store, place.ca)
    updates.end_orphans()
    switch = Switch(store, power, on_start=lambda: updates.apply(HOST_FIRMWARE), stop=stop, hanging=hanging)
    return Board(place.bmc(host), store, switch, Sessions(), updates)
