"""Who the lab's processes are.

PostgreSQL refuses to run as root. Root's lab therefore runs its hosts' processes as ``nobody``; an ordinary user's
lab runs them as that user.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orchestrator.plain import dataclass

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group number. ``drops``: whether this process must give up root to become it."""

    uid: int
    gid: int
    drops: bool

    def own(self, path: Path) -> None:
        """Give ``path`` to the account."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_pass(self, path: Path) -> bool:
        """Whether the account gets through every directory above ``path`` and into it, by the permission bits."""
        return all(self._may(part, stat.S_IXUSR) for part in (path, *path.parents))

    def may_read(self, path: Path) -> bool:
        """Whether the account reaches ``path`` and may read it."""
        return self.may_pass(path.parent) and self._may(path, stat.S_IRUSR)

    def _may(self, path: Path, bit: int) -> bool:
        try:
            seen = path.stat()
        except OSError:
            return False
        if not self.drops:
            return True
        if seen.st_uid == self.uid:
            return bool(seen.st_mode & bit)
        return bool(seen.st_mode & (bit >> 3 if seen.st_gid == self.gid else bit >> 6))


def account_for(uid: int) -> Account:
    """The account whose processes a lab made by user ``uid`` runs."""
    if uid == 0:
        return Account(NOBODY, NOBODY, drops=True)
    return Account(uid, os.getgid(), drops=False)
