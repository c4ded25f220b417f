"""The workspace that comes with the program: beside the package in a checkout, inside it in an installation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import UsageError

PARTS = ("runbooks", "playbooks", "drills", "signs", "inventories")
_NOT_OURS = frozenset({"__pycache__", ".git"})


def root() -> Path:
    """Where the shipped workspace lies. Raises UsageError where the installation has none."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "shipped", package.parent):
        if (place / "runbooks").is_dir() and (place / "playbooks").is_dir():
            return place
    raise UsageError("this installation came without its runbooks", mend="install holdfast again")


def copy_to(target: Path) -> tuple[int, list[str]]:
    """Copy what is not there yet; answers how many files were made, and which differing ones were left alone.

    Raises UsageError where the target cannot be written, or lies within the shipped workspace itself.
    """
    source = root()
    if target.exists() and target.resolve() == source:
        raise UsageError(f"{target} is the shipped workspace itself", mend="name another directory")
    made, kept = 0, []
    try:
        for relative in _files(source):
            place = target / relative
            if place.exists() or place.is_symlink():
                if place.is_dir() or place.read_bytes() != (source / relative).read_bytes():
                    kept.append(relative.as_posix())
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            # Mode bits go with it: a script in a role must stay executable.
            shutil.copy(source / relative, place, follow_symlinks=False)
            made += 1
    except OSError as error:
        raise UsageError(
            f"{error.filename or target} cannot be written: {error.strerror}",
            mend="name a directory you may write to",
        ) from error
    return made, kept


def _files(source: Path) -> Iterator[Path]:
    for part in PARTS:
        for path in sorted((source / part).rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not _NOT_OURS & set(relative.parts) and path.suffix != ".pyc":
                yield relative
