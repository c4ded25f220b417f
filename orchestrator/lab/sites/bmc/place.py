"""Where the BMCs' files are, and making them: state, certificates, credentials."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc import passwords
from orchestrator.lab.sites.bmc.state import State, Store

USER = "operator"
"""The login that runbooks use, on every BMC of a lab."""
IPMI_USER = "operator"


@dataclass(frozen=True, slots=True)
class Bmc:
    """One controller: its host, its site, and where it is reached. ``ipmi``: it also answers IPMI over LAN."""

    host: str
    site: str
    address: str
    port: int = 443
    ipmi: bool = False

    @property
    def url(self) -> str:
        """Where its service is."""
        return f"https://{self.address}" + ("" if self.port == 443 else f":{self.port}")

    @property
    def system(self) -> str:
        """The path of its host's ComputerSystem. It names the host, so that a wrong address does not fence another."""
        return f"/redfish/v1/Systems/{self.host}"


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of a lab's BMCs (0700)."""

    root: Path
    bmcs: tuple[Bmc, ...]

    @property
    def ca(self) -> Path:
        """The certificate clients verify with."""
        return self.root / "ca.pem"

    @property
    def password(self) -> Path:
        """The password of ``USER`` (0600): the whole file is the secret, to be given as ``file:`` reference."""
        return self.root / "password"

    @property
    def ipmi_password(self) -> Path:
        """The password of ``IPMI_USER`` (0600); IPMI must know it in the clear, so it is another one."""
        return self.root / "ipmi-password"

    def certificate(self, host: str) -> Path:
        """The certificate of a host's BMC."""
        return self.root / f"{host}.pem"

    def key(self, host: str) -> Path:
        """The key of a host's BMC."""
        return self.root / f"{host}.key"

    def store(self, host: str) -> Store:
        """The state of a host's BMC."""
        self.bmc(host)
        return Store(self.root / f"{host}.json")

    def bmc(self, host: str) -> Bmc:
        """The BMC of a host. Raises LabError for a host that has none."""
        for bmc in self.bmcs:
            if bmc.host == host:
                return bmc
        raise LabError(f"{host!r} has no BMC", mend=f"known: {', '.join(bmc.host for bmc in self.bmcs)}")

    def of_site(self, site: str) -> tuple[Bmc, ...]:
        """The BMCs on one site."""
        return tuple(bmc for bmc in self.bmcs if bmc.site == site)


def make(root: Path, bmcs: Sequence[Bmc], sources: Sequence[str] = ()) -> Place:
    """Make the files, with a new CA and new passwords. ``sources``: beginnings of URLs firmware may come from."""
    # cryptography takes a fifth of a second to read, and only making needs it.
    from orchestrator.lab.sites.bmc.certificates import Authority, private

    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.chmod(0o700)
    place = Place(root, tuple(bmcs))
    authority = Authority("Holdfast lab BMCs")
    place.ca.write_bytes(authority.pem)
    # 16 characters: IPMI 1.5 takes no more.
    password, ipmi_password = secrets.token_hex(8), secrets.token_hex(8)
    private(place.password, password.encode())
    private(place.ipmi_password, ipmi_password.encode())
    for bmc in place.bmcs:
        authority.issue([f"bmc-{bmc.host}", bmc.address], place.certificate(bmc.host), place.key(bmc.host))
        serial = hashlib.sha256(f"{root}/{bmc.host}".encode()).hexdigest()[:10].upper()
        state = State(host=bmc.host, serial=serial, sources=list(sources))
        state.accounts[USER] = passwords.record_of(password, "Administrator")
        place.store(bmc.host).write(state)
    private(root / "bmcs.json", json.dumps([asdict(bmc) for bmc in place.bmcs], indent=1).encode())
    return place


def load(root: Path) -> Place:
    """The BMCs made in ``root``. Raises LabError where there are none."""
    try:
        listed = json.loads((root / "bmcs.json").read_text())
        return Place(root, tuple(Bmc(**one) for one in listed))
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"{root} holds no BMCs: {error}", mend="holdfast lab up --hosts") from error
