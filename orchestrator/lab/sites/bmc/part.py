"""The BMCs as a part of the hosts lab: made, begun and ended with it, and known to its inventory."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import processes
from orchestrator.lab.sites.bmc import faults, ipmi, network, place
from orchestrator.lab.sites.bmc.place import IPMI_USER, USER, Bmc, Place
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.topology import CONTROL, EAST, HOSTS, OUTSIDERS, WEST

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

IPMI_HOST = "db-a"
"""The host whose BMC answers IPMI too."""
SITES = (EAST, WEST)
_IMAGES_PORT = 8080


def directory_of(lab: SitesLab) -> Path:
    """Where the lab's BMCs have their files."""
    return lab.directory / "parts" / "bmc"


def place_of(lab: SitesLab) -> Place:
    """The lab's BMCs. Raises LabError where there are none."""
    return place.load(directory_of(lab))


def bmcs() -> tuple[Bmc, ...]:
    """A BMC for each host on a site; its address is the host's with 100 added."""
    found = []
    for plan in HOSTS.values():
        if plan.site in SITES:
            first, last = plan.address.rsplit(".", 1)
            found.append(Bmc(plan.name, plan.site, f"{first}.{int(last) + 100}", ipmi=plan.name == IPMI_HOST))
    return tuple(found)


class Controllers:
    """The part."""

    name = "management controllers"

    def lay(self, lab: SitesLab) -> None:
        """Certificates, credentials and state; what is there is left."""
        directory = directory_of(lab)
        if not (directory / "bmcs.json").exists():
            sources = [f"http://{address}:{_IMAGES_PORT}/firmware/" for address in _image_places()]
            place.make(directory, bmcs(), sources)
        made = place_of(lab)
        if shutil.which(ipmi.PROGRAM) is not None:
            ipmi.lay(made, made.bmc(IPMI_HOST), ipmi.chassis_command(made, IPMI_HOST, lab.directory))

    def build(self, lab: SitesLab) -> None:
        """Nothing: no host's disk knows of its BMC."""

    def begin(self, lab: SitesLab) -> None:
        """Whole parts and a working switch, and the services running. Raises LabError."""
        self.lay(lab)
        made = place_of(lab)
        for bmc in made.bmcs:
            faults.heal(made, bmc.host)
        for site in SITES:
            network.attach(lab, site, made.of_site(site))
            self._serve(lab, made, site)
        # A machine without ipmi_sim has a lab without IPMI: Redfish is what the runbooks need.
        if shutil.which(ipmi.PROGRAM) is not None:
            site = made.bmc(IPMI_HOST).site
            ipmi.start(made, IPMI_HOST, lab.in_network([], network.thing_of(site)))

    def end(self, lab: SitesLab) -> None:
        """The services and their namespaces go."""
        directory = directory_of(lab)
        records = [directory / f"{site}.process.json" for site in SITES]
        records.append(directory / f"ipmi-{IPMI_HOST}" / "process.json")
        for record in records:
            process = processes.recall(record)
            if process is not None:
                processes.send(process, signal.SIGTERM)
                if not processes.wait_gone(process, 5.0):
                    processes.send(process, signal.SIGKILL)
                    processes.wait_gone(process, 5.0)
            record.unlink(missing_ok=True)
        for site in SITES:
            network.detach(lab, site)

    def states(self, lab: SitesLab) -> Mapping[str, str]:
        """How each site's BMCs are, and what is wrong with whom."""
        try:
            made = place_of(lab)
        except LabError:
            return {f"bmc {site}": "not there" for site in SITES}
        found = {}
        for site in SITES:
            runs = processes.recall(made.root / f"{site}.process.json") is not None
            wrong = [
                f"{bmc.host} {what} {how}"
                for bmc in made.of_site(site)
                for what, how in faults.active(made, bmc.host).items()
            ]
            found[f"bmc {site}"] = "; ".join(wrong or ["well"]) if runs else "down"
        return found

    def variables(self, lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:
        """Where each host's BMC is, and where the secrets are; never a secret."""
        # By what they will be: the inventory is written before they are made, too.
        made = Place(directory_of(lab), bmcs())
        found: dict[str, Mapping[str, Any]] = {}
        for bmc in made.bmcs:
            mine: dict[str, Any] = {
                "bmc_address": bmc.address,
                "bmc_port": bmc.port,
                "bmc_url": bmc.url,
                "bmc_system": bmc.system,
                "bmc_reset": f"{bmc.system}/Actions/ComputerSystem.Reset",
                "bmc_chassis": f"/redfish/v1/Chassis/{bmc.host}",
                "bmc_meter": f"/redfish/v1/Chassis/{bmc.host}/Power",
                "bmc_user": USER,
                "bmc_password_file": str(made.password),
                "bmc_ca": str(made.ca),
            }
            if bmc.ipmi:
                mine |= {
                    "ipmi_address": bmc.address,
                    "ipmi_user": IPMI_USER,
                    "ipmi_password_file": str(made.ipmi_password),
                    "ipmi_cipher": 3,
                }
            found[bmc.host] = mine
        return found

    def groups(self, lab: SitesLab) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002  the port's signature
        """No groups of its own."""
        return {}

    def systems(self, lab: SitesLab) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002  the port's signature
        """No systems of its own."""
        return {}

    def _serve(self, lab: SitesLab, made: Place, site: str) -> None:
        record, log = made.root / f"{site}.process.json", made.root / f"{site}.log"
        if processes.recall(record) is not None:
            return
        words = [sys.executable, "-P", "-m", "orchestrator.lab.sites.bmc.service", str(made.root), "--site", site]
        words += ["--lab", str(lab.directory), "--daemon", "--record", str(record), "--log", str(log)]
        done = call(lab.in_network(words, network.thing_of(site)), check=False)
        if done.returncode != 0:
            told = log.read_text()[-500:] if log.exists() else done.stderr[-500:]
            raise LabError(f"the BMCs of {site} do not start: {told}", mend=f"see {log}")


def _image_places() -> tuple[str, ...]:
    return HOSTS["vault"].address, OUTSIDERS[CONTROL]
