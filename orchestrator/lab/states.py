"""How a lab is, looked at from outside."""

from __future__ import annotations

from orchestrator.errors import LabError
from orchestrator.lab import faults, members, postgres, processes, redirect
from orchestrator.lab.layout import DATABASES, HOSTS, PRIMARY, RESTORE, SERVICE, STANDBY, VAULT, Layout
from orchestrator.lab.ports import ADDRESS
from orchestrator.plain import dataclass

ROLES = {
    PRIMARY: "primary",
    STANDBY: "hot standby",
    VAULT: "backup repository",
    SERVICE: "order service",
    RESTORE: "restore tests",
}


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host. ``state`` is for people: running, down, standby, backups, ...; ``power`` is on or off."""

    name: str
    role: str
    power: str
    port: int | None
    processes: int
    state: str


@dataclass(frozen=True, slots=True)
class LabStatus:
    """All of the lab. ``orders`` is None where the service does not say; ``receipts`` are the client's."""

    root: str
    synchronous: bool
    ready: bool
    """Primary, standby and service all do their work."""
    hosts: tuple[HostStatus, ...]
    service_url: str
    service_database: str
    client_running: bool
    receipts: int
    faults: dict[str, str]


def status_of(layout: Layout) -> LabStatus:
    """Look at everything; nothing is changed and nothing is waited for longer than a few seconds."""
    states = {name: _state(layout, name) for name in HOSTS}
    said = redirect.health(layout) if members.of_host(layout, SERVICE) else {"error": "down"}
    states[SERVICE] = "takes orders" if said.get("ok") else f"takes no orders: {said.get('error', '')}"
    found = tuple(
        HostStatus(
            name=name,
            role=ROLES[name],
            power="off" if layout.off_mark(name).exists() else "on",
            port=layout.ports.get(name),
            processes=len(members.of_host(layout, name)),
            state=states[name],
        )
        for name in HOSTS
    )
    return LabStatus(
        root=str(layout.root),
        synchronous=layout.synchronous,
        ready=states[PRIMARY] == "primary" and states[STANDBY] == "standby, streaming" and bool(said.get("ok")),
        hosts=found,
        service_url=f"http://{ADDRESS}:{layout.ports[SERVICE]}",
        service_database=str(said.get("database", "")),
        client_running=processes.recall(layout.client_record) is not None,
        receipts=_lines(layout),
        faults=faults.active(layout),
    )


def _state(layout: Layout, name: str) -> str:
    if name == VAULT:
        return (
            f"{len(list(layout.backups.glob('*/backup_manifest')))} backups"
            if layout.backups.exists()
            else "disk missing"
        )
    if name not in DATABASES:
        return ""
    if not members.of_host(layout, name):
        return "down"
    query = (
        "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'primary' WHEN EXISTS (SELECT FROM pg_stat_wal_receiver"
        " WHERE status = 'streaming') THEN 'standby, streaming' ELSE 'standby, cut off' END"
    )
    try:
        return postgres.ask(layout, name, query, seconds=2.0)
    except LabError:
        return "does not answer"


def _lines(layout: Layout) -> int:
    return layout.receipts.read_bytes().count(b"\n") if layout.receipts.exists() else 0
