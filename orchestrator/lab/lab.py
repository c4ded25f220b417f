"""The lab: up, down, broken, healed, and quickly fresh again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import faults, hosts, members, places, postgres, processes, redirect, services, site
from orchestrator.lab.account import account_for
from orchestrator.lab.effects import Effect
from orchestrator.lab.effects import read as read_effects
from orchestrator.lab.faults import Moment
from orchestrator.lab.layout import DATABASES, PRIMARY, SERVICE, STANDBY, Layout, load
from orchestrator.lab.ports import ADDRESS, free_ports
from orchestrator.lab.processes import Process
from orchestrator.lab.programs import programs_for
from orchestrator.lab.states import LabStatus, status_of

_TRIES = 5
"""How often ports are chosen anew when somebody else takes one in between."""
_OLDEST_SNAPSHOT = 86400.0
"""Seconds; the backup in an older one would look as if nobody took backups any more."""
_LISTENERS = (*DATABASES, SERVICE)


class Lab:
    """One lab, which exists. Made by ``up`` or found by ``open``.

    Everything that changes it holds its lock, so two callers take turns.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        """The directory it was asked for in."""
        self.layout: Layout = load(place)

    @classmethod
    def open(cls, where: str | Path = "default") -> Lab:
        """The lab of this name (or in this directory). Raises LabError where there is none."""
        return cls(places.place_of(where))

    @classmethod
    def up(
        cls,
        where: str | Path = "default",
        *,
        synchronous: bool = False,
        client: bool = True,
        every: float = 0.02,
    ) -> Lab:
        """Bring a lab up: fresh where it was down or half made, as it is where it is up already.

        ``synchronous``: commits wait for the standby. ``client``: a customer posts one order each ``every`` seconds.
        Raises LabError; nothing is left running then.
        """
        place = places.place_of(where)
        root = places.prepare(place, account_for(os.geteuid()))
        with _locked(root):
            known = _known(root)
            if known is not None and known.ready and known.synchronous == synchronous and _is_up(known):
                return cls(place)
            try:
                layout = _usable(known) or _build(root)
                _begin(layout, synchronous=synchronous, client=every if client else None)
            except BaseException:
                with contextlib.suppress(LabError):
                    members.end_lab(load(root))
                raise
        return cls(place)

    def down(self, *, remove: bool = False) -> int:
        """End everything the lab runs; answers how many processes that were. ``remove`` takes its files away too.

        Raises LabError where something is left. Doing it twice does no harm.
        """
        with _locked(self.layout.root):
            for fault in faults.active(self.layout):
                # A switch that hangs lets go when the fault is gone.
                (self.layout.faults / fault).unlink(missing_ok=True)
            ended = members.end_lab(self.layout)
            if left := members.of_lab(self.layout):
                raise LabError(f"still running: {', '.join(str(process.pid) for process in left)}", mend="try again")
            if remove:
                hosts.forget_sockets(self.layout)
                places.remove(self.place)
        return ended

    def leftovers(self) -> list[Process]:
        """What runs of the lab; empty after ``down``."""
        return members.of_lab(self.layout)

    def status(self) -> LabStatus:
        """How each host, the service and the client are, and which faults are on."""
        return status_of(self.layout)

    def break_(self, fault: str) -> Moment:
        """Make a fault happen; answers the exact moment. Raises LabError."""
        with _locked(self.layout.root):
            return faults.break_(self.layout, fault)

    def heal(self, fault: str) -> bool:
        """Take a fault away; answers whether it was on. Raises LabError."""
        with _locked(self.layout.root):
            return faults.heal(self.layout, fault)

    def reset(self, *, synchronous: bool | None = None, client: bool = True, every: float = 0.02) -> None:
        """Everything as it was when the lab was fresh: data, faults, power, effects, receipts. Ports stay.

        ``synchronous`` None: as it was. Raises LabError.
        """
        with _locked(self.layout.root):
            wanted = self.layout.synchronous if synchronous is None else synchronous
            _begin(self.layout, synchronous=wanted, client=every if client else None)
            self.layout = load(self.layout.root)

    def start_client(self, every: float = 0.02) -> None:
        """Let the customer outside post orders (again)."""
        services.start_client(self.layout, every)

    def stop_client(self) -> None:
        """Let the customer outside stop; the receipts stay."""
        processes.end_all(lambda: [p for p in (processes.recall(self.layout.client_record),) if p is not None])

    @property
    def inventory(self) -> Path:
        """The site's directory: hosts.yml, estate.yaml, service-levels/."""
        return self.layout.inventory

    @property
    def receipts(self) -> Path:
        """The client's receipts, a JSON object ``{"number", "at"}`` a line."""
        return self.layout.receipts

    @property
    def service_url(self) -> str:
        """Where the order service answers."""
        return f"http://{ADDRESS}:{self.layout.ports[SERVICE]}"

    def effects(self) -> list[Effect]:
        """What really happened on the hosts, in order."""
        return read_effects(self.layout.effects)


def take_down(where: str | Path = "default", *, remove: bool = False) -> int:
    """``Lab.down`` for a lab that may not exist, or was never finished; answers how many processes were ended."""
    place = places.place_of(where)
    if not place.exists():
        return 0
    if not (place.resolve() / "lab.json").exists():
        # Killed before its first file: nothing can run yet.
        if remove and not any(place.resolve().iterdir()):
            places.remove(place)
        return 0
    return Lab(place).down(remove=remove)


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    # Not inherited by what is started: the lock ends with the caller, whatever runs on.
    handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _known(root: Path) -> Layout | None:
    return load(root) if (root / "lab.json").exists() else None


def _usable(known: Layout | None) -> Layout | None:
    """The lab that is there, if it was complete once and can be begun anew; else None, with its processes ended."""
    if known is None:
        return None
    members.end_lab(known)
    complete = known.ready and (known.programs / "postgres").exists() and Path(known.python).exists()
    return known if complete and _snapshot_age(known) < _OLDEST_SNAPSHOT else None


def _snapshot_age(layout: Layout) -> float:
    try:
        return time.time() - layout.snapshot.stat().st_mtime
    except OSError:
        return float("inf")


def _is_up(layout: Layout) -> bool:
    seen = status_of(layout)
    return seen.ready and not seen.faults


def _build(root: Path) -> Layout:
    account = account_for(os.geteuid())
    for path in root.iterdir():
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    layout = Layout(
        root=root,
        programs=programs_for(account),
        python=sys.executable,
        uid=account.uid,
        gid=account.gid,
        drops=account.drops,
        ports=dict(zip(_LISTENERS, free_ports(len(_LISTENERS), _ports_beside(root)), strict=True)),
    )
    layout.save()
    hosts.make(layout)
    layout.save()
    shutil.copy(hosts.QUERIES, root / hosts.QUERIES.name)
    _with_free_ports(layout, lambda: hosts.make_data(layout))
    return layout


def _ports_beside(root: Path) -> set[int]:
    """Ports of the labs in the same place, also of those that are down."""
    taken: set[int] = set()
    for file in root.parent.glob("*/lab.json"):
        with contextlib.suppress(LabError):
            taken.update(load(file.parent).ports.values())
    return taken


def _with_free_ports(layout: Layout, work: Callable[[], None]) -> None:
    """Do ``work`` with the configuration written; with other ports again where one was taken in between."""
    for attempt in range(_TRIES):
        hosts.write_settings(layout)
        try:
            work()
            return
        except postgres.PortTaken:
            if attempt == _TRIES - 1:
                raise
            members.end_lab(layout)
            layout.ports.update(zip(_LISTENERS, free_ports(len(_LISTENERS), _ports_beside(layout.root)), strict=True))
            layout.save()


def _begin(layout: Layout, *, synchronous: bool, client: float | None) -> None:
    members.end_lab(layout)
    hosts.forget_faults(layout)

    def work() -> None:
        members.end_lab(layout)
        hosts.lay_fresh_data(layout, synchronous=synchronous)
        redirect.point(layout, ADDRESS, layout.ports[PRIMARY])
        with ThreadPoolExecutor(3) as together:
            starts = [together.submit(postgres.start, layout, name) for name in (PRIMARY, STANDBY)]
            starts.append(together.submit(services.start_service, layout))
            for start in starts:
                start.result()

    _with_free_ports(layout, work)
    streaming = "sync" if synchronous else "async"
    query = "SELECT coalesce(max(sync_state), '') FROM pg_stat_replication"
    postgres.wait_for(layout, PRIMARY, query, streaming, seconds=60)
    site.write(layout)
    done = Layout(**{**layout.as_dict(), "synchronous": synchronous, "ready": True})
    done.save()
    if client is not None:
        services.start_client(done, client)
