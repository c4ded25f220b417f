"""Swap files of the lab: which are in use, and taking them out of use.

The kernel lists a swap file by the path its host sees, and two hosts may use the same path. So a file is asked itself:
writing nothing to one that is in use is refused as "text file busy".
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from orchestrator.lab.sites.calls import call

_LIST = Path("/proc/swaps")


def listed() -> list[str]:
    """Paths of all swap on this machine, each as whoever switched it on saw it."""
    return [line.split()[0] for line in _LIST.read_text().splitlines()[1:]]


def below(directory: Path) -> list[Path]:
    """Swap files in use anywhere below a directory of this machine."""
    names = {Path(place.removesuffix("\\040(deleted)")).name for place in listed()}
    if not names or not directory.is_dir():
        return []
    return sorted(path for path in directory.rglob("*") if path.name in names and _in_use(path))


def off(place: Path | str) -> bool:
    """Take swap out of use; what was in it comes back into memory. Answers whether that was done."""
    return call(["swapoff", str(place)], check=False, seconds=120.0).returncode == 0


def _in_use(path: Path) -> bool:
    if not stat.S_ISREG(path.lstat().st_mode):
        return False
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        return error.errno == errno.ETXTBSY
    try:
        os.write(handle, b"")
    except OSError as error:
        return error.errno == errno.ETXTBSY
    finally:
        os.close(handle)
    return False
