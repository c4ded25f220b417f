"""The warm process as the driver sees it: begun detached, asked, and let go."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from orchestrator.executors import proc
from orchestrator.executors.warm import wire

LOG = "log"
"""The file in its directory with what the process had to say: nothing, where all goes well."""
_ROOM = 2000
"""Characters in the list of processes that a fork may fill with the command line it stands for."""
_GOODBYE = 2.0
"""Seconds that the process has to end by itself."""


class WarmProcess:
    """One warm process. It lives in a session of its own, and until nobody holds the other end of its socket."""

    def __init__(self, program: subprocess.Popen[bytes], talk: socket.socket, directory: Path) -> None:
        self._program = program
        self._talk = talk
        self._directory = directory

    @classmethod
    def begin(cls, env: Callable[[Path], dict[str, str]], place: Path | None) -> WarmProcess:
        """Begin to warm up. ``env`` answers what Ansible is to find around it, given its private directory.

        Raises OSError where it cannot be begun.
        """
        with ExitStack() as undo:
            directory = Path(tempfile.mkdtemp(prefix="warm-", dir=place))
            undo.callback(shutil.rmtree, directory, ignore_errors=True)
            ours, theirs = wire.pair()
            undo.callback(ours.close)
            with theirs, (directory / LOG).open("wb") as log:
                program = subprocess.Popen(
                    [
                        sys.executable,
                        # -P: what happens to lie in the working directory is not imported.
                        "-P",
                        "-m",
                        "orchestrator.executors.warm.parent",
                        str(theirs.fileno()),
                        str(directory),
                        " " * _ROOM,
                    ],
                    env=env(directory),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            undo.pop_all()
        return cls(program, ours, directory)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._program.pid

    def ask(self, body: Mapping[str, Any], descriptors: Sequence[int]) -> bool:
        """Send a request, also while it is still warming up; False where it has ended."""
        try:
            wire.send(self._talk, body, descriptors)
        except OSError:
            return False
        return True

    def last_words(self) -> str:
        """The end of what it said; else how it ended."""
        try:
            lines = (self._directory / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1][-300:] if lines else f"exit code {self._program.poll()}"

    def end(self) -> None:
        """End it. It has nothing to finish: what it forked for a step runs on, the spare fork ends by itself.

        It is seen off by a thread, for which this program's own end waits.
        """
        self._talk.close()
        self._program.terminate()
        threading.Thread(target=self._see_off, name="the end of warm Ansible").start()

    def _see_off(self) -> None:
        if not proc.ends(self._program, _GOODBYE):
            self._program.kill()
        self._program.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


class Sharing:
    """Runs of one program with the same surroundings share one warm process: it ends with the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Hashable, WarmProcess] = {}
        self._users: dict[WarmProcess, int] = {}
        self._lent: set[WarmProcess] = set()

    def take(self, env: Callable[[Path], dict[str, str]], place: Path | None) -> WarmProcess:
        """A process for this environment (see ``WarmProcess.begin``), to be given back. Raises OSError."""
        key = (place, tuple(sorted(env(Path("/")).items())))
        with self._lock:
            process = self._known.get(key)
            if process is None:
                process = self._known[key] = WarmProcess.begin(env, place)
            if process in self._lent:
                self._lent.remove(process)
            else:
                self._users[process] = self._users.get(process, 0) + 1
            return process

    def lend(self, env: Callable[[Path], dict[str, str]], place: Path | None) -> WarmProcess:
        """Take one for whoever takes it next, who then gives it back too; else ``take_in``. Raises OSError."""
        process = self.take(env, place)
        with self._lock:
            self._lent.add(process)
        return process

    def take_in(self, process: WarmProcess) -> None:
        """Give it back, if nobody has taken it since it was lent."""
        with self._lock:
            if process not in self._lent:
                return
            self._lent.remove(process)
        self.give_back(process)

    def give_back(self, process: WarmProcess, *, broken: bool = False) -> None:
        """Let go of it. A ``broken`` one is not given to anybody else any more."""
        with self._lock:
            self._users[process] -= 1
            last = not self._users[process]
            if last:
                del self._users[process]
            if last or broken:
                self._known = {key: known for key, known in self._known.items() if known is not process}
        if last:
            process.end()


SHARED = Sharing()
