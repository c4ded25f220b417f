"""The warm process as the driver sees it: begun detached, asked, and let go."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from orchestrator.executors.warm import wire

LOG = "log"
"""The file in its directory with what the process had to say: nothing, where all goes well."""


class WarmProcess:
    """One warm process. It lives in a session of its own, and until nobody holds the other end of its socket."""

    def __init__(self, program: subprocess.Popen[bytes], talk: socket.socket, directory: Path) -> None:
        self._program = program
        self._talk = talk
        self._directory = directory
        self._closing = threading.Lock()

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

    def close(self) -> None:
        """End it. It has nothing to finish: what it forked for a step runs on, the spare fork ends by itself."""
        with self._closing:
            self._talk.close()
            self._program.kill()
            self._program.wait()
            shutil.rmtree(self._directory, ignore_errors=True)
