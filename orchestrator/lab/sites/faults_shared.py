"""Shared-component faults: a host that everybody needs is gone, or hangs, or its database is dead."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import LabError
from orchestrator.lab import effects
from orchestrator.lab.sites.faults import Fault, Notes
from orchestrator.lab.sites.postgres import data_directory, version_in

if TYPE_CHECKING:
    from orchestrator.lab.sites.host import LabHost
    from orchestrator.lab.sites.lab import SitesLab

_PRIMARY = "db-a"
_KEPT = "pg_control.kept-by-the-lab"
_PATIENCE = 20.0
"""Seconds until the server's children have seen that it is dead; generous, for the machine may be slow."""


def _off(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    lab.host(words.get("host", _PRIMARY)).power_off()
    return {}


def _on(lab: SitesLab, notes: Notes) -> None:
    lab.host(str(notes["host"])).power_on()


def _freeze(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    lab.host(words.get("host", _PRIMARY)).freeze()
    return {}


def _thaw(lab: SitesLab, notes: Notes) -> None:
    lab.host(str(notes["host"])).thaw()


def _kill_postgres(lab: SitesLab, words: Mapping[str, str]) -> dict[str, Any]:
    """End the server at once, and spoil its control file, so that nobody gets it going again by starting it."""
    host = lab.host(words.get("host", _PRIMARY))
    data = _data(host)
    at = effects.now()
    running = host.run(["cat", f"/{data}/postmaster.pid"], check=False).stdout.split()
    if running:
        host.run(["kill", "-KILL", running[0]], check=False)
    deadline = time.monotonic() + _PATIENCE
    while host.run(["pgrep", "-x", "postgres"], check=False).returncode == 0:
        if time.monotonic() > deadline:
            raise LabError(f"PostgreSQL on {host.name} was killed, and processes of it are still there")
        time.sleep(0.02)
    control = host.root / data / "global/pg_control"
    kept = control.with_name(_KEPT)
    if not kept.exists():
        control.rename(kept)
        control.write_bytes(bytes(kept.stat().st_size))
        control.chmod(0o600)
        host.run(["chown", "postgres:postgres", f"/{data}/global/pg_control"])
    return {"at": at}


def _heal_postgres(lab: SitesLab, notes: Notes) -> None:
    """Put the control file back where nobody has rebuilt the data since. Nothing is started: another may be primary."""
    host = lab.host(str(notes["host"]))
    kept = host.root / _data(host) / "global" / _KEPT
    if kept.exists():
        kept.replace(kept.with_name("pg_control"))


def _data(host: LabHost) -> Path:
    return data_directory(version_in(host.root))


FAULTS = {
    "host-off": Fault("the host loses its power at once (host=NAME, else the primary)", _PRIMARY, _off, _on),
    "host-frozen": Fault(
        "the host hangs: it answers nothing, keeps its disk, and may come back (host=NAME)", _PRIMARY, _freeze, _thaw
    ),
    "postgres-dead": Fault(
        "the host answers, its PostgreSQL is dead and cannot be started again (host=NAME)",
        _PRIMARY,
        _kill_postgres,
        _heal_postgres,
    ),
}
"""Faults of this class, by name."""
