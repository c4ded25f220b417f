"""What a BMC can do to its host: the port between the controllers and whatever the hosts really are."""

from __future__ import annotations

from typing import Literal, Protocol

PowerState = Literal["on", "off", "frozen"]


class Power(Protocol):
    """Real power of hosts by name. Every method may raise LabError where the host cannot be handled."""

    def state(self, host: str) -> PowerState:
        """What its processes show now. A frozen host has power."""

    def on(self, host: str) -> None:
        """Give it power; returns when its first process runs. Harmless where it is on."""

    def force_off(self, host: str) -> None:
        """Take its power away; returns when none of its processes runs any more. Harmless where it is off."""

    def graceful(self, host: str) -> None:
        """Press the button: ask its system to end by itself. A host that hangs does not react."""
