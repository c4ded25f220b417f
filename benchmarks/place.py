"""A private place to measure in: directories, an environment without the person's own settings, and the programs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
_PASSED_ON = ("TMPDIR", "TZ", "USER", "LOGNAME")


@dataclass(frozen=True)
class Place:
    """``root`` is removed at the end. ``quick`` asks for as little work as shows that everything works."""

    root: Path
    quick: bool = False
    packages: dict[str, str] = field(default_factory=dict)
    """Name and version of what was installed for contestants."""

    @property
    def programs(self) -> Path:
        """Where this Python's own programs are: holdfast, ansible-playbook."""
        return Path(sys.executable).parent

    @property
    def steps(self) -> int:
        """Steps of a runbook that drives hosts."""
        return 3 if self.quick else 20

    def directory(self, *names: str) -> Path:
        """A directory below the root, made where it is missing."""
        path = self.root.joinpath(*names)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def fresh(self, *names: str) -> Path:
        """The same, and empty."""
        shutil.rmtree(self.root.joinpath(*names), ignore_errors=True)
        return self.directory(*names)

    def env(self, **more: str) -> dict[str, str]:
        """The same for every contestant: nothing of the person's own settings."""
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "PATH": f"{self.programs}{os.pathsep}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.directory("home")),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **more,
        }


@contextmanager
def private_place(*, quick: bool) -> Iterator[Place]:
    """A place of its own, gone afterwards. Its path is short: sockets have to fit."""
    with tempfile.TemporaryDirectory(prefix="hfb-") as root:
        yield Place(Path(root), quick)
