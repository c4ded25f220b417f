"""The texts a lab host is configured with. Pure: layout in, text out."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping

from orchestrator.lab.layout import DATABASES, MEMBER, PRIMARY, RESTORE, STANDBY, Layout

ADMIN, ORDERS, REPLICATOR, BACKUP = "postgres", "orders", "replicator", "backup"
ROLES = (ADMIN, ORDERS, REPLICATOR, BACKUP)
DATABASE = "orders"
REWIND_GRANTS = "".join(
    f"GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO {REPLICATOR};\n"
    for function in (
        "pg_ls_dir(text, boolean, boolean)",
        "pg_stat_file(text, boolean)",
        "pg_read_binary_file(text)",
        "pg_read_binary_file(text, bigint, bigint, boolean)",
    )
)
"""What pg_rewind's documentation asks for, so that a host is rebuilt without a superuser's password."""
_ARCHIVE_EVERY = 10
"""Seconds after which WAL goes to the vault even where a segment is not full: the oldest a restored copy can be."""


def quoted(value: str) -> str:
    """A string in postgresql.conf."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def shell_word(text: str) -> str:
    """One word in a command that PostgreSQL hands to a shell; there ``%`` begins a placeholder."""
    return shlex.quote(text).replace("%", "%%")


def conninfo(**values: str | int) -> str:
    """A libpq connection string."""
    return " ".join(
        "{}='{}'".format(name, str(value).replace("\\", "\\\\").replace("'", "\\'")) for name, value in values.items()
    )


def postgresql_conf(layout: Layout, name: str, follows: int | None) -> str:
    """postgresql.conf of a database host; ``follows`` is the port it streams from while it is a standby."""
    settings = layout.settings(name)
    values: dict[str, str] = {
        "data_directory": str(layout.data(name)),
        "hba_file": str(settings / "pg_hba.conf"),
        "ident_file": str(settings / "pg_ident.conf"),
        "listen_addresses": "127.0.0.1",
        "port": str(layout.ports[name]),
        "unix_socket_directories": _in_list(layout.sockets[name]),
        "unix_socket_permissions": "0700",
        "max_connections": "60",
        "shared_buffers": "16MB",
        # Kept in the data directory: nothing stays in /dev/shm when a host loses its power.
        "dynamic_shared_memory_type": "mmap",
        "fsync": "on",
        "wal_level": "replica",
        "wal_log_hints": "on",
        "wal_keep_size": "128MB",
        "max_wal_size": "64MB",
        "min_wal_size": "8MB",
        "max_wal_senders": "8",
        "hot_standby": "on",
        "wal_retrieve_retry_interval": "250ms",
        "recovery_target_timeline": "latest",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "lc_messages": "C",
        "recovery_end_command": effect_command(layout, "restore" if name == RESTORE else "promote", name),
    }
    if name == RESTORE:
        values["archive_mode"] = "off"
        values["restore_command"] = f'cp {shell_word(str(layout.wal))}/%f "%p"'
    else:
        values["archive_mode"] = "on"
        values["archive_timeout"] = f"{_ARCHIVE_EVERY}s"
        values["archive_command"] = _archive_command(layout)
    if follows is not None:
        values["primary_conninfo"] = conninfo(
            host="127.0.0.1",
            port=follows,
            user=REPLICATOR,
            passfile=str(layout.passfile(name)),
            application_name=MEMBER[name],
            connect_timeout=2,
        )
    return "".join(f"{key} = {quoted(value)}\n" for key, value in values.items())


def _in_list(path: str) -> str:
    # The setting is a list; a path with a comma or a space in it needs double quotes of its own.
    return '"' + path.replace('"', '""') + '"'


def _archive_command(layout: Layout) -> str:
    wal = shell_word(str(layout.wal))
    # The same segment may be offered twice (after a crash); another one under a known name is a failure.
    return (
        f'if [ -f {wal}/%f ]; then cmp -s "%p" {wal}/%f; else cp "%p" {wal}/.%f.part && mv {wal}/.%f.part {wal}/%f; fi'
    )


def effect_command(layout: Layout, effect: str, name: str) -> str:
    """What the server itself runs at the end of recovery: its own word that it was promoted, once each time."""
    log = shell_word(str(layout.effects))
    stamp = '"$(date -u +%%Y-%%m-%%dT%%H:%%M:%%S.%%6NZ)"'
    return f"printf '%%s %%s %%s\\n' {stamp} {effect} {name} >> {log}"


def hba(rejected: Collection[str] = ()) -> str:
    """pg_hba.conf: passwords everywhere, nobody trusted. Lines for ``rejected`` roles come first and say no."""
    lines = []
    for role in sorted(rejected):
        lines.append(f"host all {role} 127.0.0.1/32 reject")
        lines.append(f"host replication {role} 127.0.0.1/32 reject")
    lines.append("local all all scram-sha-256")
    lines.append("host all all 127.0.0.1/32 scram-sha-256")
    lines.extend(f"host replication {role} 127.0.0.1/32 scram-sha-256" for role in (REPLICATOR, BACKUP, ADMIN))
    return "".join(f"{line}\n" for line in lines)


def passfile(passwords: Mapping[str, str], roles: Collection[str]) -> str:
    """A libpq password file for these roles (the passwords are hexadecimal, so nothing needs escaping)."""
    return "".join(f"*:*:*:{role}:{passwords[role]}\n" for role in roles)


ROLES_ON = {**dict.fromkeys(DATABASES, (ADMIN, REPLICATOR)), "app": (ORDERS,), "vault": (BACKUP,)}
"""Which passwords lie on which host."""


def runner(layout: Layout, name: str) -> tuple[str, str]:
    """Two programs that run any PostgreSQL program *on* a host: a shell stub, and the Python it calls.

    A host without power runs nothing; as root the program runs as the host's account, in the host's directory. The
    stub is linked under each program's name, so that playbooks use ``pg_bin`` as on any other machine.
    """
    host = layout.host(name)
    body = f"""import os, sys
HOST, OFF, PROGRAMS = {str(host)!r}, {str(layout.off_mark(name))!r}, {str(layout.programs)!r}
os.chdir(HOST)  # before the look at the mark: the power switch finds what works here
if os.path.exists(OFF):
    sys.stderr.write("{name} has no power\\n")
    sys.exit(255)
if {layout.drops!r} and os.geteuid() == 0:
    os.setgroups([])
    os.setresgid({layout.gid}, {layout.gid}, {layout.gid})
    os.setresuid({layout.uid}, {layout.uid}, {layout.uid})
os.umask(0o077)
os.environ.update(LC_ALL="C", HOME=HOST, PGPASSFILE={str(layout.passfile(name))!r})
program = os.path.join(PROGRAMS, sys.argv[1])
os.execv(program, [program, *sys.argv[2:]])
"""
    script = layout.bin(name) / ".run.py"
    stub = f'#!/bin/sh\nexec {shlex.quote(layout.python)} -IS {shlex.quote(str(script))} "${{0##*/}}" "$@"\n'
    return stub, body


def tool(layout: Layout, module: str, *words: str) -> str:
    """A program of the lab's, as runbooks call it: one of its modules, with its first words given."""
    given = [layout.python, "-P", "-m", f"orchestrator.lab.{module}", str(layout.root), *words]
    return f'#!/bin/sh\nexec {shlex.join(given)} "$@"\n'


def standby_of(layout: Layout, name: str) -> int | None:
    """The port a database host follows while it is a standby: the other one of the pair."""
    if name == RESTORE:
        return None
    return layout.ports[STANDBY if name == PRIMARY else PRIMARY]
