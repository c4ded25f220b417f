"""Making the lab's hosts: directories, programs, configuration, and the data they start with."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import faults, postgres, settings
from orchestrator.lab.layout import DATABASES, DESK, HOSTS, MEMBER, PRIMARY, SERVICE, STANDBY, VAULT, Layout
from orchestrator.lab.settings import ADMIN, BACKUP, DATABASE, ORDERS, REPLICATOR

SCHEMA = Path(__file__).with_name("order_schema.sql")
QUERIES = Path(__file__).with_name("order_queries.sql")
_LONGEST_SOCKET = 107
"""Bytes in a Unix socket's path that the kernel takes, less the final NUL."""


def make(layout: Layout) -> None:
    """Make all hosts' directories and programs, with new passwords. Data comes later."""
    for name in HOSTS:
        host = layout.host(name)
        for part in (host, host / "etc", host / "run", host / "log", host / "socket"):
            part.mkdir(exist_ok=True)
            part.chmod(0o700)
            layout.account.own(part)
    for part in (layout.root / "client", layout.faults, layout.inventory.parent, layout.inventory, layout.snapshot):
        part.mkdir(exist_ok=True)
        part.chmod(0o700)
    layout.account.own(layout.root / "client")
    _write_passwords(layout)
    for name in HOSTS:
        _write_programs(layout, name)
    _write_tool(layout.bin(DESK) / "power-off", settings.tool(layout, "power", "off"))
    for name in DATABASES:
        layout.sockets[name] = _socket_directory(layout, name)


def _write_passwords(layout: Layout) -> None:
    passwords = {role: secrets.token_hex(16) for role in settings.ROLES}
    for name, roles in settings.ROLES_ON.items():
        private(layout, layout.passfile(name), settings.passfile(passwords, roles))


def private(layout: Layout, file: Path, text: str) -> None:
    """Write a file that only the account can read; it never exists with other permissions."""
    file.unlink(missing_ok=True)
    # Exclusively: whatever the account put there in between is not followed.
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(text)
    layout.account.own(file)


def _write_programs(layout: Layout, name: str) -> None:
    directory = layout.bin(name)
    directory.mkdir(parents=True, exist_ok=True)
    stub, body = settings.runner(layout, name)
    for file, text in ((".run", stub), (".run.py", body)):
        (directory / file).write_text(text)
        (directory / file).chmod(0o700)
    for program in layout.programs.iterdir():
        link = directory / program.name
        link.unlink(missing_ok=True)
        # psql is a client: it runs where the asker is, also while the host has no power.
        link.symlink_to(program if program.name in ("psql", "pg_isready") else ".run")
    _write_tool(directory / "lab-break", settings.tool(layout, "faults", "break"))
    if name == SERVICE:
        _write_tool(directory / "point-service", settings.tool(layout, "redirect"))


def _write_tool(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o700)


def _socket_directory(layout: Layout, name: str) -> str:
    near = layout.host(name) / "socket"
    if len(bytes(near)) + len("/.s.PGSQL.65535.lock") <= _LONGEST_SOCKET:
        return str(near)
    # Too deep for a socket; the directory that is linked to is short, and as private as this one.
    far = Path(tempfile.mkdtemp(prefix="holdfast-", dir="/tmp"))
    layout.account.own(far)
    return str(far)


def forget_sockets(layout: Layout) -> None:
    """Take away socket directories that are not inside the lab's own."""
    for path in layout.sockets.values():
        if not Path(path).is_relative_to(layout.root):
            shutil.rmtree(path, ignore_errors=True)
    layout.sockets.clear()


def write_settings(layout: Layout) -> None:
    """Write every server's configuration, as the ports are now."""
    for name in DATABASES:
        place = layout.settings(name)
        texts = {
            "postgresql.conf": settings.postgresql_conf(layout, name, settings.standby_of(layout, name)),
            "pg_hba.conf": settings.hba(),
            "pg_ident.conf": "",
        }
        for file, text in texts.items():
            private(layout, place / file, text)
    faults.write_hba(layout)


def make_data(layout: Layout) -> None:
    """The first data: a new cluster with roles and the order schema, a base backup of it, and the snapshot of both.

    The server is left stopped.
    """
    # Another try, after a port was taken: the first one left something.
    for path in (layout.data(PRIMARY), layout.backups.parent, layout.snapshot):
        if path.exists():
            shutil.rmtree(path)
    layout.snapshot.mkdir(mode=0o700)
    password = layout.host(PRIMARY) / "run/password"
    private(layout, password, _password(layout, PRIMARY, ADMIN))
    postgres.run(
        layout, PRIMARY, "initdb", "-D", str(layout.data(PRIMARY)), "-U", ADMIN, "-k", "--no-sync", "--no-instructions",
        "--wal-segsize=1", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}",
    )  # fmt: skip
    password.unlink()
    make_repository(layout)
    postgres.start(layout, PRIMARY)
    roles = "".join(
        f"CREATE ROLE {role} LOGIN {right} PASSWORD '{_password(layout, host, role)}';\n"
        for role, right, host in (
            (ORDERS, "", "app"),
            (REPLICATOR, "REPLICATION", PRIMARY),
            (BACKUP, "REPLICATION", VAULT),
        )
    )
    # The database that is there already, renamed, and template0 dropped: half the files, so resets take half the time.
    database = (
        f"ALTER DATABASE postgres RENAME TO {DATABASE};\nALTER DATABASE {DATABASE} OWNER TO {ORDERS};\n"
        f"ALTER DATABASE template0 IS_TEMPLATE false;\nDROP DATABASE template0;\n"
        f"\\connect {DATABASE} {ADMIN}\n{settings.REWIND_GRANTS}\\connect {DATABASE} {ORDERS}\n"
    )
    script = roles + database + SCHEMA.read_text()
    file = layout.host("app") / "run/schema.sql"
    # A file, because the passwords are in it: an argument list can be read by everybody.
    private(layout, file, script)
    both = layout.host("app") / "run/passfile"
    private(layout, both, layout.passfile(PRIMARY).read_text() + layout.passfile("app").read_text())
    try:
        postgres.psql(layout, PRIMARY, ["-f", str(file)], database="template1", passfile=both)
    finally:
        file.unlink()
        both.unlink()
    take_backup(layout)
    postgres.stop(layout, PRIMARY)
    copy(layout.data(PRIMARY), layout.snapshot / "data")
    copy(layout.backups.parent, layout.snapshot / "repository")


def _password(layout: Layout, host: str, role: str) -> str:
    for line in layout.passfile(host).read_text().splitlines():
        if line.split(":")[3] == role:
            return line.rsplit(":", 1)[1]
    raise LabError(f"the passfile of {host} has no password for {role}", mend="holdfast lab down, then up")


def make_repository(layout: Layout) -> None:
    """The vault's empty directories."""
    for part in (layout.backups.parent, layout.backups, layout.wal):
        part.mkdir(exist_ok=True)
        part.chmod(0o700)
        layout.account.own(part)


def take_backup(layout: Layout) -> Path:
    """A base backup of the primary in the vault, with a manifest; answers its directory."""
    target = layout.backups / datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    postgres.run(
        layout, VAULT, "pg_basebackup", "-h", "127.0.0.1", "-p", str(layout.ports[PRIMARY]), "-U", BACKUP, "-w",
        "-D", str(target), "-c", "fast", "-X", "stream", "--manifest-checksums=SHA256",
    )  # fmt: skip
    return target


def copy(source: Path, target: Path, *, link: bool = False) -> None:
    """Copy a directory as it is, owners and permissions included; with ``link`` its files get a second name only."""
    how = ["--link"] if link else ["--reflink=auto"]
    done = subprocess.run(["cp", "-a", *how, str(source), str(target)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{source} could not be copied: {done.stderr.strip()[-500:]}", mend="is the disk full?")


def forget_faults(layout: Layout) -> None:
    """No fault is on any more. Before the configuration is written: it depends on the faults."""
    for path in layout.faults.iterdir():
        path.unlink()


def lay_fresh_data(layout: Layout, *, synchronous: bool) -> None:
    """Put the snapshot's data in place of whatever there is. Nothing of the lab may run."""
    for path in (
        *(layout.data(name) for name in DATABASES),
        layout.backups.parent,
        layout.root / VAULT / "repository.lost",
    ):
        if path.exists():
            shutil.rmtree(path)
    for path in (layout.effects, layout.receipts):
        path.unlink(missing_ok=True)
    for name in HOSTS:
        layout.off_mark(name).unlink(missing_ok=True)
    private(layout, layout.effects, "")
    if synchronous:
        _be_synchronous(layout.snapshot / "data/postgresql.auto.conf")
    else:
        (layout.snapshot / "data/postgresql.auto.conf").write_text("")
    # One after the other: side by side they wait for each other in the file system, and take longer together.
    copy(layout.snapshot / "data", layout.data(PRIMARY))
    copy(layout.snapshot / "data", layout.data(STANDBY))
    # Nothing ever writes into a backup or an archived WAL file, so the names are enough.
    copy(layout.snapshot / "repository", layout.backups.parent, link=True)
    private(layout, layout.data(STANDBY) / "standby.signal", "")


def _be_synchronous(file: Path) -> None:
    # Where ALTER SYSTEM would write it: a standby inherits it, and would wait for itself once promoted.
    file.write_text(f"synchronous_standby_names = '{MEMBER[STANDBY]}'\n")
