"""Two ways to talk to the wrapper: a channel of an ssh connection, and a child process on this machine."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from orchestrator.executors.fabric_connection import Connections, Unreachable
from orchestrator.executors.fabric_wrapper import TAKEN, shell_line, shell_words
from orchestrator.model.inventory import Host


class Lost(Exception):
    """The link went away after the wrapper may have been reached: nobody can say what happened."""


class Stream(Protocol):
    """Bytes from the wrapper about one command, and a last word to it."""

    served: bool
    """Whether a shell that begins other commands too does it."""

    def receive(self, seconds: float) -> bytes | None:
        """What has come; None when nothing comes for ``seconds``; empty at the end. Raises Lost."""

    def lively(self) -> bool:
        """Whether a sign of life other than an answer came since this was last asked."""

    def ended(self) -> None:
        """Its last answer was heard, and nothing more is read."""

    def taken(self) -> None:
        """Say the last word: the result is safely kept. Lost words are no error."""

    def noise(self) -> str:
        """What came on stderr, a little of it."""

    def status(self) -> int | None:
        """The shell's exit status at the end of the stream; None where a signal ended it, or nothing is known."""

    def over(self) -> bool:
        """Whether the shell has certainly ended, and begins nothing any more."""

    def close(self) -> None:
        """Let go. What was started runs on."""


class SshStream:
    """Over a session of a pooled connection."""

    served = False

    def __init__(self, connections: Connections, host: Host, payload: bytes, within: float) -> None:
        self._channel: Any = connections.session(host, within)
        self._connections = connections
        self._name = host.name
        self._noise = b""
        self._lively = False
        self._over: bool | None = None
        self._hand_over(payload, shell_line(payload))

    def say(self, data: bytes) -> None:
        """More for a shell that reads on. Raises Lost, and is then closed."""
        self._hand_over(data)

    def _hand_over(self, data: bytes, line: str = "") -> None:
        # Both calls can block for ever on a link that is dead without saying so. As the connection is shared, it is
        # closed only when it has been silent for long enough to be dead for everybody.
        silence, transport = self._connections.settings.silence, self._channel.get_transport()
        try:
            with self._connections.watch.ending(silence, transport.close):
                if line:
                    self._channel.exec_command(line)
                self._channel.settimeout(silence)
                self._channel.sendall(data)
        except Exception as error:  # paramiko raises whatever ended its transport
            self.close()
            raise Lost(f"the link to {self._name} was lost while the command was handed over: {error}") from error

    def receive(self, seconds: float) -> bytes | None:
        """See Stream."""
        self._drain()
        self._channel.settimeout(seconds)
        try:
            data: bytes = self._channel.recv(65536)
        except TimeoutError:
            if not self._channel.get_transport().is_active():
                raise Lost("the connection was closed") from None
            # Children that the shell has left behind may hold its streams open; it has ended all the same.
            return b"" if self._channel.exit_status_ready() and not self._channel.recv_ready() else None
        except (OSError, EOFError) as error:
            raise Lost(str(error) or type(error).__name__) from error
        return data

    def lively(self) -> bool:
        """See Stream."""
        self._drain()
        lively, self._lively = self._lively, False
        return lively

    def ended(self) -> None:
        """See Stream."""

    def taken(self) -> None:
        """See Stream."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.settimeout(1.0)
            self._channel.sendall(TAKEN)
            self._channel.shutdown_write()

    def noise(self) -> str:
        """See Stream."""
        self._drain()
        return self._noise.replace(b"beat\n", b"").decode("utf-8", "replace").strip()

    def status(self) -> int | None:
        """See Stream."""
        if not self._channel.status_event.wait(1.0):
            return None
        code: int = self._channel.exit_status
        return code if code >= 0 else None

    def usable(self) -> bool:
        """Whether nothing is known to be wrong with it."""
        channel = self._channel
        return bool(channel.get_transport().is_active() and not channel.closed and not channel.exit_status_ready())

    def over(self) -> bool:
        """See Stream. A channel that the server closed, over a link that works, has no shell behind it any more."""
        if self._over is None:
            self._channel.status_event.wait(1.0)
            self._look_whether_over()
        return bool(self._over)

    def _look_whether_over(self) -> None:
        self._over = self._channel.status_event.is_set() and self._channel.get_transport().is_active()

    def close(self) -> None:
        """See Stream."""
        if self._over is None:
            self._look_whether_over()  # afterwards it is closed by us, which says nothing about the shell
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()

    def _drain(self) -> None:
        # Unread stderr fills the channel's window, and then stdout stops too.
        while self._channel.recv_stderr_ready():
            self._noise = (self._noise + self._channel.recv_stderr(4096))[-4096:]
            self._lively = True


class LocalStream:
    """A child in a session of its own, so that neither Ctrl-C nor the death of this process reaches it."""

    served = False

    def __init__(self, payload: bytes, lock_fds: Sequence[int]) -> None:
        try:
            self._child = subprocess.Popen(
                shell_words(payload),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=tuple(lock_fds),
            )
        except OSError as error:
            raise Unreachable(f"/bin/sh could not be started on this machine: {error}") from error
        assert self._child.stdin is not None and self._child.stdout is not None
        self._stdin, self._stdout = self._child.stdin, self._child.stdout
        self._poll = select.poll()
        self._poll.register(self._stdout.fileno(), select.POLLIN | select.POLLHUP)
        self._unread = select.poll()
        self._unread.register(self._stdin.fileno(), 0)  # errors alone: nobody can read what is written any more
        # The child is waited for whenever it ends, also when nobody listens to it any more.
        threading.Thread(target=self._child.wait, name="reap", daemon=True).start()
        self.say(payload)

    def say(self, data: bytes) -> None:
        """More for a shell that reads on. Raises Lost, and is then closed."""
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except (OSError, ValueError) as error:
            self.close()
            raise Lost(f"the shell on this machine ended early: {error}") from error

    def receive(self, seconds: float) -> bytes | None:
        """See Stream."""
        if not self._poll.poll(seconds * 1000):
            return None
        return os.read(self._stdout.fileno(), 65536)

    def lively(self) -> bool:
        """See Stream. A machine needs no proof of its own life."""
        return True

    def ended(self) -> None:
        """See Stream."""

    def taken(self) -> None:
        """See Stream. There is nothing to take away: the wrapper's directory is the job's own."""

    def noise(self) -> str:
        """See Stream."""
        return ""

    def status(self) -> int | None:
        """See Stream."""
        try:
            code = self._child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return None
        return code if code >= 0 else None

    def usable(self) -> bool:
        """Whether nothing is known to be wrong with it."""
        # Who waits for the child holds it against looks until he has run again: its pipe says it at once.
        return self._child.poll() is None and not self._unread.poll(0)

    def over(self) -> bool:
        """See Stream."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=1.0)
        return self._child.returncode is not None

    def close(self) -> None:
        """See Stream."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
