"""The power of the hosts lab's hosts, for their BMCs."""

from __future__ import annotations

from pathlib import Path

from orchestrator.lab.sites.bmc.port import PowerState
from orchestrator.lab.sites.host import SERVICE_PROGRAM, LabHost
from orchestrator.lab.sites.lab import SitesLab


class LabPower:
    """Switches real hosts. ``lab`` is the lab's directory."""

    def __init__(self, lab: Path) -> None:
        self._lab = SitesLab.open(lab)

    def state(self, host: str) -> PowerState:
        """What its first process shows."""
        match self._host(host).state:
            case "off":
                return "off"
            case "frozen":
                return "frozen"
            case _:
                return "on"

    def on(self, host: str) -> None:
        """Start it; ends when its sshd listens."""
        self._host(host).power_on()

    def force_off(self, host: str) -> None:
        """End all its processes at once."""
        self._host(host).power_off()

    def graceful(self, host: str) -> None:
        """Stop its services one by one, then take the power away. Raises LabError for a host that hangs."""
        switched = self._host(host)
        switched.run([SERVICE_PROGRAM, "stop"], check=False)
        switched.power_off()

    def _host(self, name: str) -> LabHost:
        return self._lab.host(name)
