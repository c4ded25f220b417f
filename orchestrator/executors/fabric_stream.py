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
from orchestrator.executors.fabric_wrapper import shell_line, shell_words
from orchestrator.model.inventory import Host


class Lost(Exception):
    """The link went away after the wrapper may have been reached: nobody can say what happened."""


class Stream(Protocol):
    """Bytes from the wrapper, and a last word to it."""

    def receive(self, seconds: float) -> bytes | None:
        """What has come; None when nothing comes for ``seconds``; empty at the end. Raises Lost."""

    def answer(self, data: bytes) -> None:
        """Say the last word. Lost words are no error."""

    def noise(self) -> str:
        """What came on stderr, a little of it."""

    def status(self) -> int | None:
        """The shell's exit status at the end of the stream; None where a signal ended it, or nothing is known."""

    def close(self) -> None:
        """Let go. What was started runs on."""


class SshStream:
    """Over a session of a pooled connection."""

    def __init__(self, connections: Connections, host: Host, payload: bytes, within: float) -> None:
        self._channel: Any = connections.session(host, within)
        self._noise = b""
        # Both calls can block for ever on a link that is dead without saying so. As the connection is shared, it is
        # closed only when it has been silent for long enough to be dead for everybody.
        watch = threading.Timer(connections.settings.silence, self._channel.get_transport().close)
        watch.daemon = True
        watch.start()
        try:
            self._channel.exec_command(shell_line(payload))
            self._channel.sendall(payload)
        except Exception as error:  # paramiko raises whatever ended its transport
            self.close()
            raise Lost(f"the link to {host.name} was lost while the command was handed over: {error}") from error
        finally:
            watch.cancel()

    def receive(self, seconds: float) -> bytes | None:
        """See Stream."""
        self._drain()
        self._channel.settimeout(seconds)
        try:
            data: bytes = self._channel.recv(65536)
        except TimeoutError:
            if self._channel.get_transport().is_active():
                return None
            raise Lost("the connection was closed") from None
        except (OSError, EOFError) as error:
            raise Lost(str(error) or type(error).__name__) from error
        return data

    def answer(self, data: bytes) -> None:
        """See Stream."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.settimeout(1.0)
            self._channel.sendall(data)
            self._channel.shutdown_write()

    def noise(self) -> str:
        """See Stream."""
        self._drain()
        return self._noise.decode("utf-8", "replace").strip()

    def status(self) -> int | None:
        """See Stream."""
        if not self._channel.status_event.wait(1.0):
            return None
        code: int = self._channel.exit_status
        return code if code >= 0 else None

    def close(self) -> None:
        """See Stream."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()

    def _drain(self) -> None:
        # Unread stderr fills the channel's window, and then stdout stops too.
        while self._channel.recv_stderr_ready():
            self._noise = (self._noise + self._channel.recv_stderr(4096))[-4096:]


class LocalStream:
    """A child in a session of its own, so that neither Ctrl-C nor the death of this process reaches it."""

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
        # The child is waited for whenever it ends, also when nobody listens to it any more.
        threading.Thread(target=self._child.wait, name="reap", daemon=True).start()
        try:
            self._stdin.write(payload)
            self._stdin.flush()
        except OSError as error:
            self.close()
            raise Lost(f"the shell on this machine ended early: {error}") from error

    def receive(self, seconds: float) -> bytes | None:
        """See Stream."""
        if not self._poll.poll(seconds * 1000):
            return None
        return os.read(self._stdout.fileno(), 65536)

    def answer(self, data: bytes) -> None:
        """See Stream."""
        with contextlib.suppress(OSError):
            self._stdin.write(data)
            self._stdin.flush()
        with contextlib.suppress(OSError):
            self._stdin.close()

    def noise(self) -> str:
        """See Stream."""
        return ""

    def status(self) -> int | None:
        """See Stream."""
        code = self._child.wait(timeout=1.0)
        return code if code >= 0 else None

    def close(self) -> None:
        """See Stream."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
