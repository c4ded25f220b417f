"""Faults that really happen: ``python -m orchestrator.lab.faults <lab> break|heal <fault>``.

Each fault has a file while it is on, with the moment it began. Breaking what is broken already changes nothing and
answers that first moment, so that a drill that was resumed does not move its own onset.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab import effects, members, postgres, settings
from orchestrator.lab.layout import PRIMARY, VAULT, Layout, load
from orchestrator.lab.power import HANGS, LIES
from orchestrator.plain import dataclass

KILLED, FROZEN = "primary-killed", "primary-frozen"
UNREACHABLE, CUT = "primary-unreachable-to-service", "replication-cut"
AHEAD = "primary-killed-ahead"
NO_VAULT, CORRUPTED = "vault-missing", "backup-corrupted"

_REJECTS = {UNREACHABLE: settings.ORDERS, CUT: settings.REPLICATOR, AHEAD: settings.REPLICATOR}
"""Network faults, as the primary's refusal to talk to one role (everybody else still gets in)."""

_AHEAD = 0.5
"""Seconds (beyond those the cut takes) in which orders are acknowledged that the standby never gets."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: where, what it does in one sentence, and the two functions (``heal`` gets what ``break`` noted)."""

    host: str
    what: str
    begin: Callable[[Layout], Mapping[str, Any]]
    end: Callable[[Layout, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """A fault is on since ``at`` (ISO 8601, UTC). ``changed``: whether it was not before."""

    fault: str
    host: str
    at: str
    changed: bool


def break_(layout: Layout, name: str) -> Moment:
    """Make the fault happen; answers the moment from which on it is in effect. Raises LabError."""
    fault = _known(name)
    file = layout.faults / name
    before = _noted(file)
    if before.get("done"):
        return Moment(name, fault.host, before["at"], changed=False)
    # Begun but not finished (somebody was killed here): it is finished now, and its moment stays the first one.
    _note(file, {"at": before.get("at", effects.now()), "done": False})
    try:
        notes = fault.begin(layout)
    except LabError:
        if not before:
            file.unlink(missing_ok=True)
        raise
    at = str(before.get("at") or notes.get("at") or effects.now())
    _note(file, {**notes, "at": at, "done": True})
    effects.record(layout.effects, f"break:{name}", fault.host)
    return Moment(name, fault.host, at, changed=True)


def heal(layout: Layout, name: str) -> bool:
    """Take the fault away; answers whether it was on. Raises LabError where that is not possible any more."""
    fault = _known(name)
    file = layout.faults / name
    if not file.exists():
        return False
    notes = _noted(file)
    file.unlink()
    try:
        fault.end(layout, notes)
    except LabError:
        _note(file, notes)
        raise
    effects.record(layout.effects, f"heal:{name}", fault.host)
    return True


def active(layout: Layout) -> dict[str, str]:
    """Faults that are on, with the moment each began."""
    return {name: str(_noted(layout.faults / name).get("at", "")) for name in FAULTS if (layout.faults / name).exists()}


def _known(name: str) -> Fault:
    if name not in FAULTS:
        raise LabError(f"there is no fault {name!r}", mend=f"known: {', '.join(FAULTS)}")
    return FAULTS[name]


def _noted(file: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return notes


def _note(file: Path, notes: Mapping[str, Any]) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(json.dumps(notes))
    fresh.replace(file)


def _kill(layout: Layout) -> dict[str, Any]:
    members.end_host(layout, PRIMARY)
    return {}


def _restart(layout: Layout, _notes: Mapping[str, Any]) -> None:
    postgres.start(layout, PRIMARY)


def _freeze(layout: Layout) -> dict[str, Any]:
    if not members.freeze(layout, PRIMARY):
        raise LabError("the primary does not run, so it cannot be frozen", mend="holdfast lab reset")
    return {}


def _thaw(layout: Layout, _notes: Mapping[str, Any]) -> None:
    members.thaw(layout, PRIMARY)


def write_hba(layout: Layout) -> None:
    """Write the primary's pg_hba.conf as the network faults that are on want it."""
    rejected = [role for name, role in _REJECTS.items() if (layout.faults / name).exists()]
    file = layout.settings(PRIMARY) / "pg_hba.conf"
    file.write_text(settings.hba(rejected))


def _cut_off(name: str) -> Callable[[Layout], dict[str, Any]]:
    def cut(layout: Layout) -> dict[str, Any]:
        write_hba(layout)
        postgres.ask(layout, PRIMARY, "SELECT pg_reload_conf()")
        role = _REJECTS[name]
        quiet_since = time.monotonic()
        # The server takes the new rules a moment later; whoever slipped in until then is thrown out too.
        while time.monotonic() - quiet_since < 0.4:
            ended = postgres.ask(
                layout,
                PRIMARY,
                f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'",  # noqa: S608
            )
            if ended != "0":
                quiet_since = time.monotonic()
            time.sleep(0.02)
        return {}

    return cut


def _kill_ahead(layout: Layout) -> dict[str, Any]:
    _cut_off(AHEAD)(layout)
    time.sleep(_AHEAD)
    return _kill(layout)


def _restart_reached(layout: Layout, notes: Mapping[str, Any]) -> None:
    _let_in(layout, notes)
    _restart(layout, notes)


def _let_in(layout: Layout, _notes: Mapping[str, Any]) -> None:
    write_hba(layout)
    if members.of_host(layout, PRIMARY):
        postgres.ask(layout, PRIMARY, "SELECT pg_reload_conf()")


def _lose_vault(layout: Layout) -> dict[str, Any]:
    repository = layout.backups.parent
    if repository.exists():
        repository.rename(repository.with_name("repository.lost"))
    return {}


def _find_vault(layout: Layout, _notes: Mapping[str, Any]) -> None:
    repository = layout.backups.parent
    repository.with_name("repository.lost").rename(repository)


def newest_backup(layout: Layout) -> Path:
    """The newest base backup in the vault. Raises LabError where there is none."""
    found = sorted(path for path in layout.backups.glob("*") if (path / "backup_manifest").exists())
    if not found:
        raise LabError("the vault holds no backup", mend="run playbooks/restore/backup.yml, or: holdfast lab reset")
    return found[-1]


def _corrupt(layout: Layout) -> dict[str, Any]:
    file = max(
        (newest_backup(layout) / "base").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else -1
    )
    offset = file.stat().st_size // 2
    _flip(file, offset)
    return {"file": str(file), "offset": offset}


def _mend(_layout: Layout, notes: Mapping[str, Any]) -> None:
    _flip(Path(notes["file"]), int(notes["offset"]))


def _flip(file: Path, offset: int) -> None:
    # In a file of its own: the snapshot's backup has the same content by another name, and must stay whole.
    seen = file.stat()
    content = bytearray(file.read_bytes())
    content[offset] ^= 0xFF
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.chmod(seen.st_mode & 0o777)
    os.chown(fresh, seen.st_uid, seen.st_gid)
    os.utime(fresh, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    fresh.replace(file)


def _nothing(_layout: Layout, _notes: Mapping[str, Any] | None = None) -> None:
    return None


def _mark_only(_layout: Layout) -> dict[str, Any]:
    return {}


FAULTS: dict[str, Fault] = {
    KILLED: Fault(PRIMARY, "every process of the primary is killed at once", _kill, _restart),
    AHEAD: Fault(
        PRIMARY,
        "the standby receives nothing for about a second, then the primary is killed: its last orders are lost",
        _kill_ahead,
        _restart_reached,
    ),
    FROZEN: Fault(PRIMARY, "the primary stands still: it takes connections and never answers", _freeze, _thaw),
    UNREACHABLE: Fault(
        PRIMARY,
        "the service cannot get to the primary, which still serves everybody else",
        _cut_off(UNREACHABLE),
        _let_in,
    ),
    CUT: Fault(PRIMARY, "the standby receives nothing any more", _cut_off(CUT), _let_in),
    NO_VAULT: Fault(VAULT, "the vault's disk is gone", _lose_vault, _find_vault),
    CORRUPTED: Fault(VAULT, "one byte of the newest backup is wrong", _corrupt, _mend),
    LIES: Fault(PRIMARY, "the power switch says off and does nothing", _mark_only, _nothing),
    HANGS: Fault(PRIMARY, "the power switch never answers", _mark_only, _nothing),
}
"""Every fault, by the name people type."""


def main(argv: list[str] | None = None) -> int:
    """Break or heal; prints one JSON object, with the exact moment and the milestone it is."""
    words = argparse.ArgumentParser(prog="faults", description="Make a fault happen in the lab, or take it away.")
    words.add_argument("lab", type=Path)
    words.add_argument("what", choices=("break", "heal"))
    words.add_argument("fault", choices=sorted(FAULTS))
    given = words.parse_args(argv)
    try:
        layout = load(given.lab)
        if given.what == "heal":
            body: dict[str, Any] = {"fault": given.fault, "changed": heal(layout, given.fault)}
        else:
            moment = break_(layout, given.fault)
            body = {"fault": moment.fault, "host": moment.host, "at": moment.at, "changed": moment.changed}
            body["milestones"] = {"onset": moment.at}
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(body) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
