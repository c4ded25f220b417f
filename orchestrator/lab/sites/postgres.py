"""PostgreSQL on the lab's hosts: its roles, its places and the texts its servers are configured with. Pure.

Debian's layout: settings in /etc/postgresql/<version>/main, data in /var/lib/postgresql/<version>/main. Names that the
embedded lab has too (roles, database) are the same here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.settings import DATABASE, ORDERS, REPLICATOR, REWIND_GRANTS, passfile, quoted
from orchestrator.lab.sites.topology import DATABASE_ADDRESS, HOSTS, NETWORKS, OUTSIDE

PRIMARY, STANDBY, REMOTE = "db-a", "db-b", "db-w"
DATABASES = (PRIMARY, STANDBY, REMOTE)
"""Hosts with a PostgreSQL server: the primary, its synchronous standby, and the asynchronous one in the other site."""
MEMBER = {name: name.replace("-", "_") for name in DATABASES}
"""A server's name among its followers and of its slot, where ``-`` would need quotes or is not allowed."""
FOLLOWS = {PRIMARY: HOSTS[STANDBY].address, STANDBY: HOSTS[PRIMARY].address, REMOTE: DATABASE_ADDRESS}
"""Whom each streams from while it is a standby. The two in one site follow each other, as their connection must not
depend on the router; the remote one follows the service address, and so whoever is the primary."""
PROBE, CHECKER = "holdfast", "checker"
"""Roles for Holdfast's own probes and markers, and for the lab's writer check."""
ROLES = (ORDERS, REPLICATOR, PROBE, CHECKER)
PORT = 5432
HOME = Path("var/lib/postgresql")
PASSFILE = HOME / ".pgpass"
WRITER_CHECK = Path(__file__).with_name("writer_check.sql")


def version_in(root: Path) -> str:
    """The newest PostgreSQL version installed below ``root``. Raises LabError where there is none."""
    found = newest(path.parent.name for path in root.glob("usr/lib/postgresql/*/bin"))
    if found is None:
        raise LabError(
            f"{root} has no PostgreSQL", mend="the hosts' base is built with it: remove the base, then up again"
        )
    return found


def newest(versions: Iterable[str]) -> str | None:
    """The highest of these version numbers; None where there is none."""
    return max(versions, key=lambda text: [int(part) for part in text.split(".")], default=None)


def data_directory(version: str) -> Path:
    """A server's data, relative to its host's root."""
    return HOME / version / "main"


def settings_directory(version: str) -> Path:
    """A server's settings, relative to its host's root."""
    return Path("etc/postgresql") / version / "main"


def postgresql_conf(version: str) -> str:
    """postgresql.conf as Debian lays it out: places here, everything else in conf.d."""
    settings = f"/{settings_directory(version)}"
    values = {
        "data_directory": f"/{data_directory(version)}",
        "hba_file": f"{settings}/pg_hba.conf",
        "ident_file": f"{settings}/pg_ident.conf",
        "external_pid_file": f"/run/postgresql/{version}-main.pid",
        "port": str(PORT),
        "unix_socket_directories": "/run/postgresql",
        "include_dir": "conf.d",
    }
    return _settings(values)


def lab_conf() -> str:
    """conf.d/lab.conf: the same on all three, so that each can be the primary or a standby."""
    values = {
        "listen_addresses": "*",
        "max_connections": "100",
        "shared_buffers": "48MB",
        "max_wal_size": "256MB",
        "min_wal_size": "48MB",
        "wal_level": "replica",
        # With page checksums or without: what pg_rewind needs.
        "wal_log_hints": "on",
        "max_wal_senders": "10",
        "max_replication_slots": "10",
        # What a follower needs after a takeover: it begins on the new primary without a slot's past.
        "wal_keep_size": "128MB",
        # A follower that is gone for good must not fill the primary's disk.
        "max_slot_wal_keep_size": "512MB",
        "hot_standby": "on",
        "hot_standby_feedback": "on",
        "recovery_target_timeline": "latest",
        "synchronous_commit": "on",
        # A cut link is seen in seconds, at both ends.
        "wal_receiver_timeout": "4s",
        "wal_sender_timeout": "4s",
        "wal_receiver_status_interval": "1s",
        "wal_retrieve_retry_interval": "500ms",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "archive_mode": "on",
        "archive_timeout": "60s",
        "archive_command": "pgbackrest --stanza=orders archive-push %p",
        "jit": "off",
        "track_io_timing": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d %h ",
        "log_lock_waits": "on",
        "lc_messages": "C",
    }
    return _settings(values)


def hba() -> str:
    """pg_hba.conf: each role from where it works, with a password; the server's own account by its Unix socket."""
    lines = ["local all postgres peer"]
    apps = [plan.address for name, plan in HOSTS.items() if name.startswith("app-")]
    lines += [f"host {DATABASE} {ORDERS} {address}/32 scram-sha-256" for address in apps]
    for name in DATABASES:
        address = HOSTS[name].address
        lines.append(f"host replication {REPLICATOR} {address}/32 scram-sha-256")
        # pg_rewind reads the other server's files through an ordinary connection.
        lines.append(f"host {DATABASE} {REPLICATOR} {address}/32 scram-sha-256")
    lines += [f"host {DATABASE} {role} {NETWORKS[OUTSIDE]}.0/24 scram-sha-256" for role in (PROBE, CHECKER)]
    return "".join(f"{line}\n" for line in lines)


def follow_conf(name: str) -> str:
    """conf.d/follow.conf, as ``hf-postgres follow`` writes it."""
    conninfo = (
        f"host={FOLLOWS[name]} port={PORT} user={REPLICATOR} passfile=/{PASSFILE} application_name={MEMBER[name]}"
        " connect_timeout=3 keepalives_idle=2 keepalives_interval=2 keepalives_count=2 tcp_user_timeout=5000"
    )
    return f"primary_conninfo = '{conninfo}'\nprimary_slot_name = '{MEMBER[name]}'\n"


def roles_sql(passwords: Mapping[str, str]) -> str:
    """Roles, each with what it needs and no more. Passwords are hexadecimal."""
    rights = {REPLICATOR: "REPLICATION"}
    made = "".join(f"CREATE ROLE {role} LOGIN {rights.get(role, '')} PASSWORD '{passwords[role]}';\n" for role in ROLES)
    # Probes read figures; markers are written to a table of Holdfast's own.
    return made + f"GRANT pg_monitor TO {PROBE};\nCREATE DATABASE {DATABASE} OWNER {ORDERS};\n"


def database_sql(schema: str) -> str:
    """What is done in the order database: its schema, and what the other roles may do there."""
    readable = ", ".join(("orders", "order_lines", "ledger", "account", "order_counter"))
    return (
        f"{REWIND_GRANTS}GRANT CREATE ON DATABASE {DATABASE} TO {PROBE};\n"
        f"GRANT CREATE ON SCHEMA public TO {PROBE}, {ORDERS};\n"
        f"{WRITER_CHECK.read_text()}\nSET ROLE {ORDERS};\n{schema}\nRESET ROLE;\n"
        f"GRANT SELECT ON {readable} TO {PROBE}, {CHECKER};\n"
    )


def server_passfile(passwords: Mapping[str, str]) -> str:
    """The server account's own .pgpass: for streaming, rewinding and copying."""
    return passfile(passwords, (REPLICATOR,))


def _settings(values: Mapping[str, str]) -> str:
    return "".join(f"{key} = {quoted(value)}\n" for key, value in values.items())
