"""What a lab is on disk: its hosts, its ports, and where everything lies.

::

    <lab>/lab.json          ports, account, programs: written first, so that ``down`` can always clean up
    <lab>/lock              held by whoever changes the lab
    <lab>/effects.log       one line for each effect on a host
    <lab>/faults/           one file for each fault that is on
    <lab>/inventories/lab/  the site's Ansible inventory, estate and service levels
    <lab>/snapshot/         data directories as they were when the lab was fresh
    <lab>/client/           the client outside: its receipts
    <lab>/bin/<host>/       PostgreSQL's programs, as they run on that host
    <lab>/<host>/           etc, data, socket, run, log, passfile; vault: backups, wal
"""

from __future__ import annotations

import json
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab.account import Account
from orchestrator.plain import dataclass

PRIMARY, STANDBY, VAULT, SERVICE, RESTORE = "db-a", "db-b", "vault", "app", "db-r"
HOSTS = (PRIMARY, STANDBY, VAULT, SERVICE, RESTORE)
DATABASES = (PRIMARY, STANDBY, RESTORE)
"""Hosts that may run a PostgreSQL server."""
GROUPS = {
    "old_primary": PRIMARY,
    "primary": PRIMARY,
    "standby": STANDBY,
    "service": SERVICE,
    "repository": VAULT,
    "restore_target": RESTORE,
}
"""Groups of one host each. Ansible warns where a group has a host's name, so vault is in ``repository``."""
DESK = "desk"
"""Where the power switches are reached from: this machine. It has no processes of its own."""
FORMAT = 2
MEMBER = {PRIMARY: "db_a", STANDBY: "db_b", RESTORE: "db_r"}
"""A server's name in ``synchronous_standby_names`` (where ``-`` would need quotes)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A lab's fixed facts and its paths."""

    root: Path
    """Where it really is; no links in it."""
    programs: Path
    python: str
    uid: int
    gid: int
    drops: bool
    synchronous: bool = False
    ready: bool = False
    """Whether it was ever complete; if not, it is made anew."""
    ports: dict[str, int] = field(default_factory=dict)
    sockets: dict[str, str] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Who the hosts' processes are."""
        return Account(self.uid, self.gid, self.drops)

    def host(self, name: str) -> Path:
        """A host's directory. Raises LabError for a name that is no host's."""
        if name not in HOSTS:
            raise LabError(f"the lab has no host {name!r}", mend=f"its hosts: {', '.join(HOSTS)}")
        return self.root / name

    def data(self, name: str) -> Path:
        """A database host's data directory."""
        return self.host(name) / "data"

    def settings(self, name: str) -> Path:
        """A database host's configuration directory; outside the data, so that data can be copied between hosts."""
        return self.host(name) / "etc"

    def bin(self, name: str) -> Path:
        """The programs as they run on that host. Outside its directory: root runs what the account may not change."""
        return self.root / "bin" / (DESK if name == DESK else self.host(name).name)

    def passfile(self, name: str) -> Path:
        """The host's libpq password file."""
        return self.host(name) / "passfile"

    def off_mark(self, name: str) -> Path:
        """The file that is there while the host has no power."""
        return self.host(name) / "run/power-off"

    @property
    def backups(self) -> Path:
        """The vault's base backups, one directory each, named by time."""
        return self.root / VAULT / "repository/backups"

    @property
    def wal(self) -> Path:
        """The vault's WAL archive."""
        return self.root / VAULT / "repository/wal"

    @property
    def service_file(self) -> Path:
        """Where the order service reads which database it uses."""
        return self.root / SERVICE / "service.json"

    @property
    def service_record(self) -> Path:
        """The order service's process."""
        return self.root / SERVICE / "run/service.json"

    @property
    def client_record(self) -> Path:
        """The client's process."""
        return self.root / "client/run.json"

    @property
    def receipts(self) -> Path:
        """The client's receipts, one JSON object a line."""
        return self.root / "client/receipts.jsonl"

    @property
    def effects(self) -> Path:
        """The log of effects."""
        return self.root / "effects.log"

    @property
    def faults(self) -> Path:
        """One file for each fault that is on."""
        return self.root / "faults"

    @property
    def snapshot(self) -> Path:
        """Data directories of the fresh lab."""
        return self.root / "snapshot"

    @property
    def inventory(self) -> Path:
        """The site's directory; a site is called by its directory's name."""
        return self.root / "inventories/lab"

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a copy with some of them changed."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def save(self) -> None:
        """Write lab.json, whole or not at all."""
        body: dict[str, Any] = {**asdict(self), "root": None, "programs": str(self.programs), "format": FORMAT}
        del body["root"]
        fresh = self.root / "lab.json.new"
        fresh.write_text(json.dumps(body, indent=2) + "\n")
        fresh.chmod(0o600)
        fresh.replace(self.root / "lab.json")


def load(root: Path) -> Layout:
    """The lab in this directory. Raises LabError where there is none, or one that cannot be read."""
    real = root.resolve()
    try:
        body = json.loads((real / "lab.json").read_text())
    except FileNotFoundError as error:
        raise LabError(f"there is no lab in {root}", mend="make one: holdfast lab up") from error
    except (OSError, ValueError) as error:
        raise LabError(f"the lab in {root} cannot be read: {error}", mend="remove it: holdfast lab down") from error
    if body.pop("format", None) != FORMAT:
        raise LabError(f"the lab in {root} is of another version", mend="remove that directory, then: holdfast lab up")
    return Layout(root=real, programs=Path(body.pop("programs")), **body)
