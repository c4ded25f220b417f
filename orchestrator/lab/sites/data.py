"""The data layer of the hosts lab: three PostgreSQL servers that replicate, a backup repository, the order service.

``build`` makes what a fresh lab's hosts have on their disks, once; ``begin`` starts it after all hosts were powered on.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.hosts import SCHEMA
from orchestrator.lab.settings import passfile
from orchestrator.lab.sites import backup, orders, replication, roots, service_address, tools
from orchestrator.lab.sites import postgres as texts
from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.postgres import DATABASES, MEMBER, PRIMARY, REMOTE, STANDBY
from orchestrator.lab.sites.topology import ROUTER

PASSWORDS = "keys/passwords.json"
PROBE_PASSFILE, CHECKER_PASSFILE = "keys/probe.pgpass", "keys/checker.pgpass"
"""libpq password files on the controller, one for each role that works from there; below the lab's directory."""
NODE_EXPORTER_PORT = 9100


def build(lab: Path, hosts: Mapping[str, LabHost]) -> None:
    """Put everything on the disks of hosts that are on and have nothing yet, and stop it cleanly. Raises LabError."""
    passwords = _passwords(lab)
    version = texts.version_in(hosts[PRIMARY].root)
    for host in hosts.values():
        listen = f"--web.listen-address={host.address}:{NODE_EXPORTER_PORT}"
        tools.show_own_paging(host)
        host.write_service("node-exporter", ["/usr/bin/prometheus-node-exporter", listen], user="prometheus")
    tools.install(hosts[ROUTER], ["hf-route"])
    for name in orders.APPS:
        orders.install(hosts[name], passwords)
    for name in DATABASES:
        _settle(hosts[name], version, passwords)
    backup.install(hosts, version)
    tools.install(hosts[orders.RESERVE], ["hf-restore"])
    _first_data(hosts[PRIMARY], version, passwords)
    replication.start(hosts[PRIMARY])
    backup.begin(hosts[backup.VAULT])
    # Set after the backup: a restored copy has no standby to wait for.
    replication.sql(hosts[PRIMARY], f"ALTER SYSTEM SET synchronous_standby_names = '{MEMBER[STANDBY]}'")
    replication.stop(hosts[PRIMARY])
    data = texts.data_directory(version)
    for name in (STANDBY, REMOTE):
        _copy(hosts[PRIMARY].root / data, hosts[name].root / data)
        hosts[name].run(["/usr/local/sbin/hf-postgres", "standby"])


def begin(hosts: Mapping[str, LabHost]) -> None:
    """Start what does not start with its host: the primary, and the addresses. Ends when all works. Raises LabError.

    The hosts are on, with what ``build`` left on their disks.
    """
    router = hosts[ROUTER]
    together(
        lambda: replication.start(hosts[PRIMARY]),
        *(
            lambda address=address, name=name: service_address.take(hosts[name], address)
            for address, name in service_address.ADDRESSES.items()
        ),
    )
    for address, name in service_address.ADDRESSES.items():
        service_address.point(router, address, name)
    wait_for(lambda: replication.trouble(hosts), 30.0)
    wait_for(lambda: _orders_trouble(hosts[orders.ACTIVE]), 15.0)


def together(*works: Callable[[], object]) -> None:
    """Do all of it side by side; raises what the first of them raised, when all have ended."""
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()


def wait_for(trouble: Callable[[], str], seconds: float) -> None:
    """Wait until nothing is in the way any more. Raises LabError with what still is, where that takes too long."""
    deadline = time.monotonic() + seconds
    while seen := trouble():
        if time.monotonic() > deadline:
            raise LabError(f"after {seconds:g} s: {seen}", mend="holdfast lab status --hosts")
        time.sleep(0.05)


def _orders_trouble(app: LabHost) -> str:
    said = json.loads(app.run(["/usr/local/sbin/hf-orders", "status"]).stdout)
    return "" if (said.get("says") or {}).get("ok") else f"the order service on {app.name} takes no orders: {said}"


def _passwords(lab: Path) -> dict[str, str]:
    """New passwords, and the files that hold them on the controller."""
    made = {role: secrets.token_hex(16) for role in texts.ROLES}
    _private(lab / PASSWORDS, json.dumps(made, indent=2) + "\n")
    _private(lab / PROBE_PASSFILE, passfile(made, (texts.PROBE,)))
    _private(lab / CHECKER_PASSFILE, passfile(made, (texts.CHECKER,)))
    return made


def _private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(text)


def _settle(host: LabHost, version: str, passwords: Mapping[str, str]) -> None:
    """A database host's settings and programs; no data yet."""
    settings = texts.settings_directory(version)
    files = {
        settings / "postgresql.conf": (texts.postgresql_conf(version), 0o644),
        settings / "pg_hba.conf": (texts.hba(), 0o640),
        settings / "pg_ident.conf": ("", 0o640),
        settings / "conf.d/lab.conf": (texts.lab_conf(), 0o644),
        settings / "conf.d/follow.conf": (texts.follow_conf(host.name), 0o600),
        texts.PASSFILE: (texts.server_passfile(passwords), 0o600),
        Path("etc/holdfast/member"): (f"{MEMBER[host.name]}\n", 0o644),
    }
    for name, (text, mode) in files.items():
        roots.write(host.root, str(name), text, mode)
    data = texts.data_directory(version)
    host.run(["chown", "-R", "postgres:postgres", "/etc/postgresql", f"/{texts.PASSFILE}"])
    host.run(["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "0700", f"/{data.parent}", f"/{data}"])
    tools.install(host, ["hf-postgres", "hf-address"])
    host.write_boot("postgres", ["/usr/local/sbin/hf-postgres", "boot"])


def _first_data(host: LabHost, version: str, passwords: Mapping[str, str]) -> None:
    """A new cluster with page checksums, roles, the order database, and a slot for every possible follower."""
    host.run(
        [
            f"/usr/lib/postgresql/{version}/bin/initdb", f"--pgdata=/{texts.data_directory(version)}",
            "--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=peer", "--no-sync", "--no-instructions",
        ],
        user="postgres",
    )  # fmt: skip
    replication.start(host)
    replication.sql(host, texts.roles_sql(passwords), database="postgres")
    slots = "".join(f"SELECT pg_create_physical_replication_slot('{MEMBER[name]}');\n" for name in DATABASES)
    replication.sql(host, texts.database_sql(SCHEMA.read_text()) + slots)


def _copy(source: Path, target: Path) -> None:
    """A stopped server's data, as it is; from outside, where both hosts' file systems are seen."""
    target.rmdir()
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_file)
    for path in (source, *source.rglob("*")):
        seen, copied = path.lstat(), target / path.relative_to(source)
        os.chown(copied, seen.st_uid, seen.st_gid, follow_symlinks=False)


def _copy_file(source: str, target: str) -> str:
    return shutil.copy2(source, target, follow_symlinks=False)
