"""pgBackRest on the lab's hosts: a repository on the vault, reached over TLS with certificates of the lab's own.

TLS rather than ssh, because each archived WAL segment is a connection, and a segment that costs a third of a second of
processor time is felt on a small machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc.certificates import Authority
from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.postgres import DATABASES, data_directory
from orchestrator.lab.sites.topology import HOSTS

VAULT = "vault"
STANZA = "orders"
"""pgBackRest's word for one cluster's backups and WAL."""
CLIENTS = (*DATABASES, "app-w")
"""Hosts that talk to the repository; app-w because restores are tested there, away from any running server."""
SETTINGS = Path("etc/pgbackrest")
REPOSITORY = Path("var/lib/pgbackrest")


def client_conf(name: str, version: str) -> str:
    """/etc/pgbackrest/pgbackrest.conf of a host that archives to the vault and restores from it."""
    return _text(
        {
            "global": {
                "repo1-host": VAULT,
                "repo1-host-user": "postgres",
                "repo1-host-type": "tls",
                **{f"repo1-host-{key}": value for key, value in _files(name).items()},
                **_server(name, [VAULT]),
                **_COMMON,
            },
            STANZA: {"pg1-path": f"/{data_directory(version)}"},
        }
    )


def vault_conf(version: str) -> str:
    """/etc/pgbackrest/pgbackrest.conf of the vault: all three servers are the stanza's; it finds the primary itself."""
    servers: dict[str, str] = {}
    for number, name in enumerate(DATABASES, start=1):
        servers |= {
            f"pg{number}-host": name,
            f"pg{number}-host-user": "postgres",
            f"pg{number}-host-type": "tls",
            **{f"pg{number}-host-{key}": value for key, value in _files(VAULT).items()},
            f"pg{number}-path": f"/{data_directory(version)}",
        }
    return _text(
        {
            "global": {
                "repo1-path": f"/{REPOSITORY}",
                "repo1-bundle": "y",
                "repo1-retention-full": "2",
                "start-fast": "y",
                "compress-type": "lz4",
                **_server(VAULT, CLIENTS),
                **_COMMON,
            },
            STANZA: servers,
        }
    )


_COMMON = {"log-level-console": "warn", "log-level-file": "off", "archive-timeout": "20", "io-timeout": "10"}


def _files(name: str) -> dict[str, str]:
    return {
        "ca-file": f"/{SETTINGS}/ca.crt",
        "cert-file": f"/{SETTINGS}/{name}.crt",
        "key-file": f"/{SETTINGS}/{name}.key",
    }


def _server(name: str, clients: Sequence[str]) -> dict[str, str]:
    files = {f"tls-server-{key}": value for key, value in _files(name).items()}
    return {
        "tls-server-address": HOSTS[name].address,
        **files,
        **{f"tls-server-auth {client}": STANZA for client in clients},
    }


def _text(sections: dict[str, dict[str, str]]) -> str:
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        # ``tls-server-auth`` may stand there several times: one client each.
        lines += [
            f"tls-server-auth={key.split()[1]}={value}" if " " in key else f"{key}={value}"
            for key, value in values.items()
        ]
    return "\n".join(lines) + "\n"


def install(hosts: Mapping[str, LabHost], version: str) -> None:
    """Certificates, settings and the service on the vault and on every host that talks to it. Raises LabError."""
    authority = Authority("backups of this lab")
    for name in (VAULT, *CLIENTS):
        host = hosts[name]
        place = host.root / SETTINGS
        place.mkdir(mode=0o750, exist_ok=True)
        (place / "ca.crt").write_bytes(authority.pem)
        authority.issue([name], place / f"{name}.crt", place / f"{name}.key", client=True)
        text = vault_conf(version) if name == VAULT else client_conf(name, version)
        (place / "pgbackrest.conf").write_text(text)
        (host.root / "etc/pgbackrest.conf").unlink(missing_ok=True)
        host.run(["chown", "-R", "postgres:postgres", f"/{SETTINGS}"])
        host.run(["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "0750", f"/{REPOSITORY}"])
        host.write_service("pgbackrest", ["pgbackrest", "server"], user="postgres")
        host.service("start", "pgbackrest")


def begin(vault: LabHost) -> None:
    """Make the stanza and the first full backup. The primary runs and can be reached. Raises LabError."""
    vault.run(["pgbackrest", f"--stanza={STANZA}", "stanza-create"], user="postgres")
    take(vault)


def take(vault: LabHost, kind: str = "full") -> None:
    """Take a backup: ``full``, ``diff`` or ``incr``. Raises LabError."""
    vault.run(["pgbackrest", f"--stanza={STANZA}", f"--type={kind}", "backup"], user="postgres", seconds=240)


def backups(vault: LabHost) -> list[dict[str, Any]]:
    """The backups in the repository, oldest first, as ``pgbackrest info`` lists them. Raises LabError."""
    said = vault.run(["pgbackrest", f"--stanza={STANZA}", "--output=json", "info"], user="postgres").stdout
    try:
        found: list[dict[str, Any]] = json.loads(said)[0]["backup"]
    except (ValueError, LookupError) as error:
        raise LabError(f"pgbackrest says something else: {said[:300]}") from error
    return found
