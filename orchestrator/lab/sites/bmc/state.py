"""What a BMC keeps: health of its host's parts, firmware, accounts, jobs, and the faults it was told to have.

One JSON file a host, written atomically under a lock, because the lab's fault tool changes it while the service runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError

HEALTHS = ("OK", "Warning", "Critical", "Absent")
"""Redfish's three healths, and a part that was taken out."""
POWER_SUPPLIES = ("psu-1", "psu-2")
FANS = ("fan-1", "fan-2", "fan-3", "fan-4")
DRIVES = ("drive-1", "drive-2", "drive-3")
PARTS = (*POWER_SUPPLIES, *FANS, *DRIVES)


@dataclass(slots=True)
class Firmware:
    """One component's firmware: the version that runs, the one before it, and one that waits for the next reset."""

    version: str
    previous: str = ""
    staged: str = ""
    job: str = ""
    """The job that staged it, which ends when it is applied."""


@dataclass(slots=True)
class Job:
    """A long operation as TaskService shows it. Times are ISO 8601, UTC."""

    ident: str
    name: str
    state: str
    begun: str
    ended: str = ""
    percent: int = 0
    message: str = ""
    failed: bool = False


@dataclass(slots=True)
class AccountRecord:
    """A login. The password is kept as its scrypt digest (hexadecimal), never as itself."""

    role: str
    salt: str
    digest: str
    enabled: bool = True
    revision: int = 0
    """Counts changes, so that also one that does not show (a password) gives the account another ETag."""


@dataclass(slots=True)
class State:
    """Everything of one BMC that outlives its process."""

    host: str
    serial: str
    health: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PARTS, "OK"))
    power_fault: str = ""
    update_fault: str = ""
    firmware: dict[str, Firmware] = field(
        default_factory=lambda: {"bmc": Firmware("1.4.0"), "bios": Firmware("2.0.0"), "nic": Firmware("22.5.7")}
    )
    sources: list[str] = field(default_factory=list)
    """Beginnings of URLs that firmware may be fetched from."""
    jobs: dict[str, Job] = field(default_factory=dict)
    accounts: dict[str, AccountRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, body: dict[str, Any]) -> State:
        """The state that was written as ``body``."""
        return cls(
            **{
                **body,
                "firmware": {name: Firmware(**one) for name, one in body["firmware"].items()},
                "jobs": {name: Job(**one) for name, one in body["jobs"].items()},
                "accounts": {name: AccountRecord(**one) for name, one in body["accounts"].items()},
            }
        )


class Store:
    """One BMC's file. Reads never wait: the file is replaced as a whole."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._thread = threading.Lock()

    def read(self) -> State:
        """What is kept now. Raises LabError where there is nothing that can be read."""
        try:
            return State.of(json.loads(self.file.read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LabError(f"{self.file} is no state of a BMC: {error}", mend="holdfast lab down, then up") from error

    @contextmanager
    def change(self) -> Iterator[State]:
        """The state, to be changed; written when the block ends well and changed it. Other processes wait."""
        with self._thread, locked(self.file.with_name(f".{self.file.name}.lock")):
            state = self.read()
            before = asdict(state)
            yield state
            if asdict(state) != before:
                self.write(state)

    def write(self, state: State) -> None:
        """Replace the file: who reads sees the old one or the new one. Not forced to the disk: a switch must be quick,
        and no lab outlives its machine."""
        fresh = self.file.with_name(f".{self.file.name}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w") as opened:
            json.dump(asdict(state), opened, indent=1)
        fresh.replace(self.file)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of this name; other processes wait. The kernel frees it when the holder dies."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
