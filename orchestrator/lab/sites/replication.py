"""Who replicates to whom, how far behind, and starting and asking the servers: through the hosts' own hf-postgres."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab.settings import DATABASE
from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.postgres import DATABASES, MEMBER, PRIMARY, REMOTE, STANDBY

PROGRAM = "/usr/local/sbin/hf-postgres"


@dataclass(frozen=True, slots=True)
class Follower:
    """A standby as its primary sees it."""

    name: str
    """The host's name."""
    state: str
    sync_state: str
    """``sync`` where commits wait for it, else ``async``."""
    lag_bytes: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class Server:
    """A host's PostgreSQL. ``role`` is ``primary``, ``standby``, or ``unknown`` where it runs and does not answer."""

    host: str
    running: bool
    role: str
    timeline: int | None
    streaming: bool
    follows: str | None
    """The address it streams from."""
    synchronous_standby_names: str
    followers: tuple[Follower, ...]


def server(host: LabHost) -> Server | None:
    """How the host's server is; None where the host is off or frozen. Raises LabError where it cannot be asked."""
    if host.state != "on":
        return None
    said: dict[str, Any] = json.loads(host.run([PROGRAM, "status"]).stdout)
    names = {member: name for name, member in MEMBER.items()}
    followers = tuple(
        Follower(
            name=names.get(each["name"], each["name"]),
            state=each["state"],
            sync_state=each["sync_state"],
            lag_bytes=int(each["lag_bytes"] or 0),
            lag_s=float(each["lag_s"]),
        )
        for each in said.get("followers", ())
    )
    return Server(
        host=host.name,
        running=bool(said["running"]),
        role=str(said["role"]),
        timeline=said.get("timeline"),
        streaming=bool(said.get("streaming")),
        follows=said.get("follows"),
        synchronous_standby_names=str(said.get("synchronous_standby_names", "")),
        followers=followers,
    )


def trouble(hosts: Mapping[str, LabHost]) -> str:
    """What is missing until db-a is the primary with its two followers; empty when nothing is."""
    primary = server(hosts[PRIMARY])
    if primary is None or primary.role != "primary" or not primary.running:
        return f"{PRIMARY} is not the primary: {primary}"
    wanted = {STANDBY: "sync", REMOTE: "async"}
    seen = {each.name: each.sync_state for each in primary.followers if each.state == "streaming"}
    return "" if seen == wanted else f"{PRIMARY} should have the followers {wanted}, and has {seen}"


def writer(hosts: Mapping[str, LabHost]) -> list[str]:
    """Hosts whose server runs and is no standby: one, unless something is wrong."""
    seen = [server(hosts[name]) for name in DATABASES]
    return [each.host for each in seen if each is not None and each.running and each.role == "primary"]


def start(host: LabHost) -> None:
    """Start the host's server and wait until it answers. Raises LabError."""
    host.run([PROGRAM, "start"], seconds=90)


def stop(host: LabHost, mode: str = "fast") -> None:
    """Stop the host's server. Raises LabError, also where it was not a clean end and that was wanted."""
    said = json.loads(host.run([PROGRAM, "stop", mode], seconds=90).stdout)
    if mode == "fast" and not said["clean"]:
        raise LabError(f"the server on {host.name} did not end cleanly", mend="see its log in /var/log/postgresql")


def sql(host: LabHost, text: str, *, database: str = DATABASE, seconds: float = 30.0) -> str:
    """Run SQL as the server's superuser; answers what it printed, unaligned. Raises LabError."""
    return host.run([PROGRAM, "sql", "-d", database], input=text, seconds=seconds).stdout.strip()


def numbers(host: LabHost, query: str = "SELECT number FROM orders ORDER BY number") -> list[int]:
    """A column of whole numbers; without a query: the numbers of all orders there. Raises LabError."""
    return [int(line) for line in sql(host, query).split()]
