"""What a lab left on the machine, found by its name and not by what anybody wrote down; and clearing it away.

Everything the machine sees carries the lab's key: network namespaces, mounts, control groups, the images behind loop
devices, swap files. So a lab is cleared also when whoever made it was killed, or its directory is gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import processes
from orchestrator.lab.processes import Process
from orchestrator.lab.sites import loops, register, swaps
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.cgroups import Group, hierarchies
from orchestrator.lab.sites.network import NAMESPACES
from orchestrator.lab.sites.topology import NAMED

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Everything of one lab that the machine sees."""

    processes: list[Process] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    swaps: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.processes, self.namespaces, self.mounts, self.groups, self.loops, self.swaps))

    def __str__(self) -> str:
        words = [f"process {process.pid}" for process in self.processes]
        words += [f"network namespace {name}" for name in self.namespaces]
        words += [f"mount {place}" for place in self.mounts]
        words += [f"control group {name}" for name in self.groups]
        words += [f"loop device {device}" for device in self.loops]
        words += [f"swap {place}" for place in self.swaps]
        return ", ".join(words)


def labs() -> set[str]:
    """Keys of all labs that the machine sees anything of."""
    named = [*_namespaces(), *(source for source, _ in _mounts()), *_groups()]
    named += [*swaps.listed(), *(image for _, image in loops.attached())]
    return {found["key"] for text in named for found in NAMED.finditer(text)} | register.known().keys()


def of(key: str, directory: Path | None = None) -> Leftovers:
    """What the machine sees of this lab. With its ``directory``, also what uses files in there."""
    directory = directory or register.directory_of(key)

    def ours(text: str) -> bool:
        if any(found["key"] == key for found in NAMED.finditer(text)):
            return True
        return directory is not None and (text == str(directory) or text.startswith(f"{directory}/"))

    namespaces = [name for name in _namespaces() if ours(name)]
    groups = [name for name in _groups() if ours(name)]
    return Leftovers(
        processes=_processes(namespaces, groups),
        namespaces=namespaces,
        mounts=[place for source, place in _mounts() if ours(source) or ours(place)],
        groups=groups,
        loops=[device for device, image in loops.attached() if ours(image)],
        swaps=[str(place) for place in swaps.below(directory / "hosts")] if directory is not None else [],
    )


def clear(key: str, directory: Path | None = None, seconds: float = 30.0) -> int:
    """Clear all of it away; answers how many things that were. Raises LabError where something is left."""
    deadline = time.monotonic() + seconds
    cleared = 0
    while found := of(key, directory):
        cleared += _clear_once(found)
        if time.monotonic() > deadline and (left := of(key, directory)):
            raise LabError(
                f"of lab {key} there still is: {left}",
                mend="somebody may work in one of its directories (fuser -vm PLACE); then try again",
            )
    register.forget(key)
    return cleared


def _clear_once(found: Leftovers) -> int:
    """Each in the order in which they hold each other: processes hold mounts, mounts hold loop devices."""
    count = 0
    for process in found.processes:
        count += processes.send(process, 9)
    for name in found.groups:
        Group(name).thaw()
    for process in found.processes:
        processes.wait_gone(process, 10.0)
    for place in found.swaps:
        count += swaps.off(place)
    for place in reversed(found.mounts):
        count += call(["umount", place], check=False).returncode == 0
    for device in found.loops:
        swaps.off(device)
        count += call(["losetup", "--detach", device], check=False).returncode == 0
    for name in found.namespaces:
        count += call(["ip", "netns", "delete", name], check=False).returncode == 0
    for name in found.groups:
        with contextlib.suppress(LabError):
            Group(name).remove()
            count += 1
    return count


def _namespaces() -> list[str]:
    if not NAMESPACES.is_dir():
        return []
    return sorted(file.name for file in NAMESPACES.iterdir() if NAMED.fullmatch(file.name))


def _mounts() -> list[tuple[str, str]]:
    """Source and place of each mount, oldest first."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, place, *_ = line.split()
        found.append((_plain(source), _plain(place)))
    return found


def _groups() -> list[str]:
    found = hierarchies()
    names = {
        path.name for root in (*found.roots, *found.passing) for path in root.iterdir() if NAMED.fullmatch(path.name)
    }
    return sorted(names)


def _plain(text: str) -> str:
    """The kernel writes blanks and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _processes(namespaces: list[str], groups: list[str]) -> list[Process]:
    """Whoever is in one of the control groups or network namespaces, except the caller and those who wait for him."""
    numbers = {number for name in groups for number in Group(name).processes()}
    wanted = set()
    for name in namespaces:
        with contextlib.suppress(OSError):
            wanted.add((NAMESPACES / name).stat().st_ino)
    if wanted:
        numbers.update(number for number, network in _networks() if network in wanted)
    mine = set(_ancestors())
    return [found for number in sorted(numbers - mine) if (found := processes.look(number)) is not None]


def _networks() -> Iterator[tuple[int, int]]:
    """Each process with the number of its network namespace."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "ns/net").stat().st_ino


def _ancestors() -> Iterator[int]:
    number = os.getpid()
    while number > 1:
        yield number
        try:
            number = int((_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return
