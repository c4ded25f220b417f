"""Where a journal can still be kept when its own place fails: the first private directory that can be
written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import StoreUnavailable
from orchestrator.journal.files import make_private_directory
from orchestrator.plain import dataclass

FILE = "journal.sqlite3"
VARIABLE = "HOLDFAST_BREAK_GLASS"

_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Place:
    """A directory for a break-glass journal. ``volatile``: what is there is lost when the machine starts
    anew."""

    directory: Path
    volatile: bool

    def files(self) -> tuple[Path, Path]:
        """The journal's file in it, and another for where that one can not be used (corrupt, or of a forked run)."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        return self.directory / FILE, self.directory / f"journal-{stamp}.sqlite3"


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    """The directories that are tried, in order."""
    account = os.geteuid()
    if environment.get(VARIABLE):
        yield Path(environment[VARIABLE])
    if environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"]) / "holdfast"
    yield Path("/dev/shm") / f"holdfast-{account}"  # noqa: S108 - checked for owner, mode and symlinks below
    yield Path(environment.get("TMPDIR") or tempfile.gettempdir()) / f"holdfast-{account}"


def find_place(environment: Mapping[str, str]) -> Place:
    """The first directory that can be made or is there, is this account's alone, and can be written.

    Raises StoreUnavailable naming every directory that was tried and why it will not do.
    """
    problems: list[str] = []
    for directory in candidates(environment):
        try:
            make_private_directory(directory)
            problem = why_unsafe(directory)
            if not problem:
                _try_writing(directory)
                return Place(directory, _volatile(directory))
        except OSError as error:
            problem = str(error)
        problems.append(f"{directory}: {problem}")
    raise StoreUnavailable(
        f"no place for a break-glass journal ({'; '.join(problems)})",
        mend=f"set ${VARIABLE} to a directory of your own on a disk with some room",
    )


def existing_files(environment: Mapping[str, str]) -> list[Path]:
    """Break-glass journals that are there, in the order of ``candidates``; unsafe directories are left
    out."""
    return [
        path
        for directory in dict.fromkeys(candidates(environment))
        if not why_unsafe(directory)
        for path in sorted(directory.glob("journal*.sqlite3"))
        if path.is_file() and not path.is_symlink()
    ]


def why_unsafe(directory: Path) -> str:
    """Why a directory in a place that others can write must not be trusted; empty where it may. Others can write in
    /tmp and /dev/shm: a directory that they made, or a link that they laid, would hand them the journal."""
    try:
        status = directory.lstat()
    except OSError as error:
        return str(error)
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link"
    if not stat.S_ISDIR(status.st_mode):
        return "it is not a directory"
    if status.st_uid != os.geteuid():
        return f"it belongs to another account (uid {status.st_uid})"
    if status.st_mode & 0o077:
        return f"others may enter it (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def _try_writing(directory: Path) -> None:
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(b"\0" * 65536)  # SQLite needs about this much to begin
        file.flush()
        os.fsync(file.fileno())


def _volatile(directory: Path) -> bool:
    """Whether the directory is on a file system in memory, from /proc/self/mounts; False where that can not
    be told."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    where = str(directory.resolve())
    for line in mounts:
        fields = line.split()
        point = fields[1].replace("\\040", " ")
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind in _MEMORY_FILE_SYSTEMS
