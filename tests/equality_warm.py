"""Warm Ansible as the equality suite uses it: one for all the cases of a worker that have the same settings."""

from __future__ import annotations

import socket
from pathlib import Path

from equality_case import Ground

from orchestrator.executors.ansible_request import Request
from orchestrator.executors.warm.launcher import WarmAnsible

_MOST = 2
"""Warm processes that are kept, beside the one for workspaces without a configuration file."""
_USUAL = (b"", None)


class Warm:
    """Begins every step warm.

    A warm process is warmed for one configuration file and one environment, and leaves what has others to a cold start.
    As cases have different ones, and each of them is to be seen warm, there is a process for each that is met.
    """

    def __init__(self, ground: Ground) -> None:
        self.said: list[str] = []
        self._ground = ground
        self._kept: dict[object, WarmAnsible] = {}
        self._places = 0
        self._last: WarmAnsible | None = None

    def launch(
        self, directory: Path, request: Request, env: dict[str, str], lock_fds: tuple[int, ...]
    ) -> socket.socket | None:
        """The Launcher."""
        self._last = self._for(env)
        return self._last.launch(directory, request, env, lock_fds)

    def _for(self, env: dict[str, str]) -> WarmAnsible:
        ground = self._ground
        config = ground.site / "ansible.cfg"
        key = (config.read_bytes() if config.exists() else b"", env.get("TZ"))
        if key not in self._kept:
            rare = [known for known in self._kept if known != _USUAL]
            if len(rare) == _MOST:
                self._kept.pop(rare[0]).close()
            # With a place of its own it is not shared with another that was warmed for the same environment.
            self._places += 1
            place = ground.root.parent / f"warm-{self._places}"
            place.mkdir()
            self._kept[key] = WarmAnsible(
                ground.site, ground.site / "playbooks", sockets=ground.sockets, place=place, say=self.said.append
            )
        return self._kept[key]

    @property
    def pid(self) -> int:
        """The warm process that the last step went through."""
        assert self._last is not None
        pid = self._last.pid
        assert pid is not None, self.said
        return pid

    def descriptors(self) -> int:
        """How many files it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def children(self) -> list[str]:
        """The living processes that it is the parent of; the dead are reaped when the next one is taken."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return [number for number in listed if not _is_dead(number)]

    def close(self) -> None:
        for one in self._kept.values():
            one.close()


def _is_dead(number: str) -> bool:
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return stat.rpartition(") ")[2].startswith("Z")
