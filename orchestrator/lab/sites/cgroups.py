"""Control groups of the hosts: stopping a host's processes all at once, and limiting its memory.

Version 2 freezes where it is mounted at all (a frozen process can still be killed there); memory is limited wherever
its controller is, in version 1 or 2. Debian has version 2 only; some machines have both side by side.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LabError

_CONTROLLERS = ("memory", "cpu", "io", "pids")
"""Made available to hosts where they are in version 2."""
_PERIOD = 100_000
"""Microseconds in which processor time is measured out; the kernel's own default."""


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Where this machine's control groups are mounted; None where there is none."""

    unified: Path | None
    """Version 2."""
    memory: Path | None
    """The memory controller of version 1."""
    freezer: Path | None
    """The freezer of version 1."""
    cpu: Path | None = None
    """The processor controller of version 1. A host has a group there only while its processor time is limited."""
    blkio: Path | None = None
    """The block device controller of version 1. A host has a group there only while its writes are limited."""

    @property
    def passing(self) -> tuple[Path, ...]:
        """Those a host has a group in only while something of it is limited there."""
        return tuple(root for root in (self.cpu, self.blkio) if root is not None)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Those a host has a group in."""
        freezer = None if self.unified else self.freezer
        return tuple(root for root in (self.unified, self.memory, freezer) if root is not None)


def hierarchies(mounts: str | None = None) -> Hierarchies:
    """Look them up in the text of /proc/mounts."""
    text = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    found: dict[str, Path] = {}
    for line in text.splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.setdefault("unified", Path(place))
        elif kind == "cgroup":
            for option in options.split(","):
                if option in ("memory", "freezer", "cpu", "blkio"):
                    found.setdefault(option, Path(place))
    names = ("unified", "memory", "freezer", "cpu", "blkio")
    return Hierarchies(**{name: found.get(name) for name in names})


@dataclass(frozen=True, slots=True)
class Group:
    """One host's control group, by its name in every hierarchy that is used."""

    name: str

    @property
    def directories(self) -> tuple[Path, ...]:
        """Its directories, one in each hierarchy."""
        found = hierarchies()
        limited = [root / self.name for root in found.passing if (root / self.name).exists()]
        return (*(root / self.name for root in found.roots), *limited)

    @property
    def memory(self) -> Path:
        """The directory with its memory limits. Raises LabError where the kernel has none."""
        found = hierarchies()
        if found.memory is not None:
            return found.memory / self.name
        if found.unified is not None and (found.unified / self.name / "memory.max").exists():
            return found.unified / self.name
        raise LabError("this kernel limits no memory by control groups", mend="boot it with cgroup_enable=memory")

    def make(self) -> None:
        """Make it; one that is there is left."""
        found = hierarchies()
        if not found.roots:
            raise LabError("no control groups are mounted on this machine", mend="mount -t cgroup2 none /sys/fs/cgroup")
        if found.unified is not None:
            offered = (found.unified / "cgroup.controllers").read_text().split()
            for controller in sorted(set(offered) & set(_CONTROLLERS)):
                with contextlib.suppress(OSError):
                    (found.unified / "cgroup.subtree_control").write_text(f"+{controller}")
        for directory in self.directories:
            directory.mkdir(exist_ok=True)

    def processes(self) -> list[int]:
        """Numbers of the processes in it and in groups below it."""
        return sorted({number for directory in self._all() for number in _numbers(directory / "cgroup.procs")})

    def remove(self, seconds: float = 5.0) -> None:
        """Take it away with the groups below it; it must be empty of living processes. Raises LabError."""
        deadline = time.monotonic() + seconds
        for directory in self._all():
            while directory.exists():
                try:
                    directory.rmdir()
                except FileNotFoundError:
                    break
                except OSError as error:
                    # The last process has ended, but the kernel has not finished with it.
                    if time.monotonic() > deadline:
                        raise LabError(f"control group {directory} cannot be removed: {error.strerror}") from error
                    time.sleep(0.01)

    def freeze(self, seconds: float = 5.0) -> None:
        """Stop every process in it, and wait until all stand still. Raises LabError."""
        found = hierarchies()
        if found.unified is not None:
            (found.unified / self.name / "cgroup.freeze").write_text("1")
            self._until(found.unified / self.name / "cgroup.events", "frozen 1", seconds)
        elif found.freezer is not None:
            (found.freezer / self.name / "freezer.state").write_text("FROZEN")
            self._until(found.freezer / self.name / "freezer.state", "FROZEN", seconds)
        else:
            raise LabError("this kernel cannot freeze control groups", mend="it needs version 2 or the freezer")

    def thaw(self) -> None:
        """Let every process in it go on."""
        found = hierarchies()
        if found.unified is not None and (found.unified / self.name).exists():
            (found.unified / self.name / "cgroup.freeze").write_text("0")
        elif found.freezer is not None and (found.freezer / self.name).exists():
            (found.freezer / self.name / "freezer.state").write_text("THAWED")

    @property
    def frozen(self) -> bool:
        """Whether its processes are stopped, or about to be."""
        found = hierarchies()
        if found.unified is not None:
            file = found.unified / self.name / "cgroup.freeze"
            return file.exists() and file.read_text().strip() == "1"
        if found.freezer is None:
            return False
        file = found.freezer / self.name / "freezer.state"
        return file.exists() and file.read_text().strip() != "THAWED"

    def limit(self, memory: int | None, swap: int | None = None) -> None:
        """Allow so many bytes of memory, and beyond them so many of swap. None: no limit. Raises LabError."""
        directory = self.memory
        most, most_swap, both = "memory.max", "memory.swap.max", "memory.memsw.limit_in_bytes"
        if (directory / most).exists():
            (directory / most).write_text("max" if memory is None else str(memory))
            if (directory / most_swap).exists():
                (directory / most_swap).write_text("max" if swap is None else str(swap))
            elif swap is not None:
                raise LabError("this kernel does not count swap", mend="boot it with swapaccount=1")
            return
        counted = (directory / both).exists()
        if swap is not None and not counted:
            raise LabError("this kernel does not count swap", mend="boot it with swapaccount=1")
        plain = directory / "memory.limit_in_bytes"
        # Version 1 counts memory and swap together, and never lets the sum be the smaller of the two limits.
        if counted:
            (directory / both).write_text("-1")
        plain.write_text("-1" if memory is None else str(memory))
        if counted and memory is not None and swap is not None:
            (directory / both).write_text(str(memory + swap))

    def limit_cpu(self, share: float | None) -> None:
        """Allow so much of one processor (0.5: half of it) for all that is in it. None: no limit. Raises LabError."""
        found = hierarchies()
        if found.unified is not None and (found.unified / self.name / "cpu.max").exists():
            quota = "max" if share is None else str(int(share * _PERIOD))
            (found.unified / self.name / "cpu.max").write_text(f"{quota} {_PERIOD}")
        elif found.cpu is None:
            raise LabError(
                "this kernel limits no processor time by control groups", mend="it needs CFS bandwidth control"
            )
        elif share is not None:
            directory = found.cpu / self.name
            directory.mkdir(exist_ok=True)
            (directory / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (directory / "cpu.cfs_quota_us").write_text(str(int(share * _PERIOD)))
            self._move(directory)
        elif (found.cpu / self.name).exists():
            self._move(found.cpu)
            (found.cpu / self.name).rmdir()

    def limit_writes(self, disk: str, per_second: int | None) -> None:
        """Allow so many writes a second to a disk (``MAJOR:MINOR``). None: no limit. Raises LabError.

        What is written later by the kernel itself counts in version 2 only; what a process waits for counts in both.
        """
        found = hierarchies()
        if found.unified is not None and (found.unified / self.name / "io.max").exists():
            most = "max" if per_second is None else str(per_second)
            (found.unified / self.name / "io.max").write_text(f"{disk} wiops={most}")
        elif found.blkio is None:
            raise LabError("this kernel limits no writes by control groups", mend="it needs block device throttling")
        elif per_second is not None:
            directory = found.blkio / self.name
            directory.mkdir(exist_ok=True)
            (directory / "blkio.throttle.write_iops_device").write_text(f"{disk} {per_second}")
            self._move(directory)
        elif (found.blkio / self.name).exists():
            self._move(found.blkio)
            (found.blkio / self.name).rmdir()

    def _move(self, directory: Path, seconds: float = 5.0) -> None:
        """Bring its processes into ``directory``; those that are born meanwhile come in the next round."""
        deadline = time.monotonic() + seconds
        while missing := set(self.processes()) - set(_numbers(directory / "cgroup.procs")):
            for number in missing:
                with contextlib.suppress(ProcessLookupError):
                    (directory / "cgroup.procs").write_text(str(number))
            if time.monotonic() > deadline:
                raise LabError(f"processes of {self.name} cannot be moved to {directory}")

    def _all(self) -> Iterator[Path]:
        """Its directories and those below them, the deepest first."""
        for directory in self.directories:
            if directory.exists():
                yield from sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True)
                yield directory

    def _until(self, file: Path, word: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while word not in file.read_text():
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} does not stand still after {seconds:g} s")
            time.sleep(0.005)


def _numbers(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text().split()]
    except OSError:
        return []


def disk_below(directory: Path) -> str:
    """The disk a directory's file system is on, as ``MAJOR:MINOR``; only whole disks are limited. Raises LabError."""
    number = directory.stat().st_dev
    known = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    if not known.is_dir():
        raise LabError(f"{directory} is on no disk whose writes can be limited", mend="let the lab be on ext4 or xfs")
    return ((known.parent if (known / "partition").exists() else known) / "dev").read_text().strip()
