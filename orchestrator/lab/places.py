"""Where labs are kept, and how a place that the lab's account cannot reach is handled."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.account import Account

ROOTS_PLACE = Path("/var/lib/holdfast")
"""Root's labs live here: other accounts may pass through it, which a home directory does not allow."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def home() -> Path:
    """The directory that labs are kept in, one directory each."""
    if given := os.environ.get("HOLDFAST_LAB_HOME"):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return ROOTS_PLACE / "labs"
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(state) / "holdfast/labs"


def place_of(where: str | Path) -> Path:
    """The directory a lab's name stands for; a path (anything with a ``/``) stands for itself.

    Raises LabError for a name that could not be a directory's.
    """
    if isinstance(where, Path) or "/" in where:
        return Path(where).absolute()
    if not _NAME.fullmatch(where):
        raise LabError(f"{where!r} is not a lab's name", mend="use lower-case letters, digits and -, at most 31")
    return home() / where


def prepare(place: Path, account: Account) -> Path:
    """Make the lab's directory and answer where it really is.

    Where the lab's account cannot get to ``place`` (root's lab below a directory only root may enter), the lab is
    kept below /var/lib/holdfast instead, and ``place`` becomes a link to it: making somebody's private
    directory passable is not this program's business.
    """
    if place.exists():
        if not place.is_dir():
            raise LabError(f"{place} is no directory", mend="choose another place for the lab")
        others = [entry.name for entry in place.iterdir() if entry.name != "lock"]
        if others and "lab.json" not in others:
            # A lab that is made anew clears its directory; somebody's own files must never be in it.
            raise LabError(f"{place} holds other things than a lab", mend="choose an empty or a new directory")
        return place.resolve()
    if place.is_symlink():
        place.unlink()
    parent = place.parent
    make_parents(parent, account)
    if account.drops and not account.may_pass(parent.resolve()):
        key = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        real = ROOTS_PLACE / "elsewhere" / key
        make_parents(real.parent, account)
        _fresh(real, account)
        place.symlink_to(real)
        return real
    _fresh(place, account)
    return place.resolve()


def remove(place: Path) -> None:
    """Take the lab's directory away, and the link to it."""
    real = place.resolve()
    if real.exists():
        shutil.rmtree(real)
    if place.is_symlink():
        place.unlink()


def _fresh(directory: Path, account: Account) -> None:
    # It may be there already, where somebody removed the link by hand: then it is the same lab, found again.
    directory.mkdir(exist_ok=True)
    # Passable for the account, but not readable: what is inside has its own permissions.
    directory.chmod(0o711 if account.drops else 0o700)


def make_parents(directory: Path, account: Account) -> None:
    """Make ``directory`` and what is missing above it, passable for the account. Raises LabError where it cannot."""
    missing = [part for part in (directory, *directory.parents) if not part.exists()]
    for part in reversed(missing):
        try:
            part.mkdir(exist_ok=True)
        except OSError as error:
            raise LabError(
                f"no lab can be kept in {directory}: {error.strerror}",
                mend="set HOLDFAST_LAB_HOME to a directory you may write to",
            ) from error
        part.chmod(0o711 if account.drops else 0o700)
