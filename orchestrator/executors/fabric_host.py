"""One job on one host: begun once, followed to its end, found again, stopped when its time is over."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from orchestrator.errors import ExecutorError, HostKeyRefused
from orchestrator.executors import fabric_wrapper as wrapper
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.fabric_login import environment_of
from orchestrator.executors.fabric_stream import LocalStream, Lost, SshStream, Stream
from orchestrator.executors.fabric_wrapper import Command, Frames, Piece, Place, Result, Said
from orchestrator.executors.jobdir import write_durably
from orchestrator.model.inventory import Host
from orchestrator.model.outcome import Ending
from orchestrator.plain import dataclass

SLICE = 0.2
"""Seconds between two looks at what the driver wants."""
RECONNECT = 1.0
"""Seconds between two tries to reach a host that a job is to be found again on."""
_STOPPING = wrapper.GRACE + 8.0
"""Seconds for stopping a command: the grace, its last output, and a slow link."""
_NO_ANSWERS = frozenset({Ending.NOT_STARTED, Ending.GONE})
"""Endings that only attach may answer."""


@dataclass(frozen=True, slots=True)
class HostEnd:
    """How it ended on one host. ``rc`` where the end is known."""

    ending: Ending
    rc: int | None = None
    error: str = ""
    mend: str = ""


class HostWork:
    """What one job does on one host.

    ``directory`` is the job's private directory on this machine for this host: ``out`` and ``err`` come to stand in it,
    and ``rc`` where the end has to be found after this job was let go (see ``keep``). It is not made before there is
    something for it. For a local host it is the wrapper's own directory. Raises ExecutorError where the host's
    variables make no environment.
    """

    def __init__(
        self,
        connections: Connections,
        host: Host,
        command: Command,
        run_id: str,
        ident: str,
        directory: Path,
        control: Control,
        lock_fds: Sequence[int] = (),
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self.host = host
        self._command = replace(command, env={**environment_of(host), **command.env})
        self._local = host.is_local
        self.directory = self._directory = directory
        name = directory.name if self._local else f"{ident}@{host.name}"
        self._place = Place(run_id, name, str(directory.parent) if self._local else None)
        self._control = control
        self._lock_fds = lock_fds
        self._mono = mono
        self._untaken: Stream | None = None
        self._rc: int | None = None

    def begin(self) -> HostEnd:
        """Start the command, unless it was started before, and follow it."""
        if self._local:
            make_for_host(self._directory)
        try:
            stream = self._asked(self._control.remaining()) or self._open("start", self._control.remaining())
        except (ExecutorError, HostKeyRefused) as error:
            return HostEnd(Ending.FAILED, error=error.message, mend=error.mend)
        except Lost as lost:
            return self._in_the_dark(str(lost))
        try:
            end = self._follow(stream)
        except Lost as lost:
            if not (stream.served and stream.over()):
                return self._in_the_dark(str(lost))
            end = self._without_the_shell()
        # Somebody else began the same job here, and took its directory away or stopped it before it began.
        return self._in_the_dark("another driver took it over") if end.ending in _NO_ANSWERS else end

    def settle(self, *, kept: bool = True) -> None:
        """Tell the target that its result is safely ``kept`` here, so that it takes its directory away."""
        stream, self._untaken = self._untaken, None
        if stream is not None:
            if kept:
                stream.taken()
            stream.close()

    def keep(self) -> None:
        """Put the exit code where ``find`` sees it, also after a power cut; then the target's may go."""
        if self._rc is not None and not self._local:
            make_for_host(self._directory)
            write_durably(self._directory / "rc", wrapper.digits(self._rc))
        self.settle()

    def _without_the_shell(self) -> HostEnd:
        """The serving shell has ended, so that what it has not begun by now it never will; what it has is found."""
        try:
            end = self._follow(self._open("attach", self._control.remaining()))
            if end.ending is Ending.NOT_STARTED:
                end = self._follow(self._open("start", self._control.remaining()))
        except (ExecutorError, HostKeyRefused, Lost) as error:
            return self._in_the_dark(str(error))
        return end

    def find(self, noted: int | None = None) -> HostEnd:
        """Follow what was started earlier, over a link that may come back only later. Starts nothing.

        ``noted`` is the exit code that an earlier driver has noted, where it has.
        """
        if noted is not None:
            self._rc = noted
            return HostEnd(Ending.OK, rc=noted)
        known = self._known()
        if known is not None:
            return known
        if self._local and not self._directory.is_dir():
            return HostEnd(Ending.NOT_STARTED)
        trouble = ""
        while True:
            if self._control.wish is Wish.DETACH:
                return HostEnd(Ending.LEFT)
            if self._control.remaining() <= 0 or self._control.wish is Wish.CANCEL:
                return self._in_the_dark(trouble or "there was no time to look")
            try:
                return self._follow(self._open("attach", self._control.remaining()))
            except HostKeyRefused as error:
                return HostEnd(Ending.UNKNOWN, error=error.message, mend=error.mend)
            except ExecutorError as error:
                trouble = error.message
            except Lost as lost:
                trouble = str(lost)
            self._control.wait(min(RECONNECT, self._control.remaining()))

    def check(self) -> HostEnd:
        """Whether the host lets us in and has the command's program."""
        try:
            stream = self._open("check", self._control.remaining())
            with closing(stream):
                frames, deadline = Frames(self._nonce), self._mono() + self._connections.settings.silence
                while (data := stream.receive(SLICE)) != b"" and self._mono() < deadline:
                    for said in frames.feed(data or b""):
                        if isinstance(said, Said):
                            return self._checked(said)
        except (ExecutorError, HostKeyRefused) as error:
            return HostEnd(Ending.FAILED, error=error.message, mend=error.mend)
        except Lost as lost:
            return HostEnd(Ending.FAILED, error=f"{self.host.name}: {lost}")
        return HostEnd(Ending.FAILED, error=f"{self.host.name} runs no command: {_noise(frames, stream)}")

    def _checked(self, said: Said) -> HostEnd:
        if said.word == "present":
            return HostEnd(Ending.OK)
        if said.word == "missing":
            return HostEnd(
                Ending.FAILED,
                error=f"{self.host.name} has no program {self._command.argv[0]!r} that the account may run",
                mend="install it, or write its full path: the PATH of a command over ssh is short",
            )
        return HostEnd(Ending.FAILED, error=f"{self.host.name}: {said.rest}")

    def _asked(self, within: float) -> Stream | None:
        self._nonce = secrets.token_hex(8)
        return self._connections.shells.ask(
            self.host,
            self._command,
            self._place,
            nonce=self._nonce,
            within=within,
            lock_fds=self._lock_fds,
            made=self._local,
        )

    def _open(self, mode: wrapper.Mode, within: float) -> Stream:
        self._nonce = secrets.token_hex(8)
        beat = 0 if self._local else wrapper.BEAT
        # On this machine the directory is made here: that takes no process.
        made = self._local and self._directory.is_dir()
        payload = wrapper.payload(
            mode, self._command, self._place, nonce=self._nonce, beat=beat, send=not self._local, made=made
        )
        if self._local:
            return LocalStream(payload, self._lock_fds)
        return SshStream(self._connections, self.host, payload, within)

    def _follow(self, stream: Stream) -> HostEnd:
        """Until its end, its time is up or the driver wants something else. Raises Lost."""
        with self._letting_go(stream):
            reader = _Reader(self._directory, stream, Frames(self._nonce), keep=not self._local)
            heard = self._mono()
            while True:
                wish, left = self._control.wish, self._control.remaining()
                if wish is Wish.DETACH:
                    return HostEnd(Ending.LEFT)
                if wish is Wish.CANCEL or left <= 0:
                    break
                data = stream.receive(min(SLICE, left))
                if data:
                    heard = self._mono()
                    if (end := reader.take(data)) is not None:
                        return self._told(stream, end)
                elif data == b"":
                    return reader.hung_up(self.host.name)
                elif stream.lively():
                    heard = self._mono()
                elif not self._local and self._mono() - heard > self._connections.settings.silence:
                    raise Lost(f"nothing was heard from {self.host.name} for {self._mono() - heard:.0f} s")
        return self._stop("it was cancelled" if wish is Wish.CANCEL else "its time was up")

    def _told(self, stream: Stream, end: HostEnd) -> HostEnd:
        """Its last answer is here. The target is told that it is safely kept when it is."""
        stream.ended()
        if end.rc is not None:
            self._untaken, self._rc = stream, end.rc
        return end

    @contextmanager
    def _letting_go(self, stream: Stream) -> Iterator[None]:
        try:
            yield
        finally:
            if self._untaken is not stream:
                stream.close()

    def _stop(self, why: str) -> HostEnd:
        """TERM, then KILL, to the command and its children. Only an end before that is a known end."""
        deadline = self._mono() + _STOPPING
        try:
            stream = self._open("stop", min(5.0, self._connections.settings.connect))
            with self._letting_go(stream):
                reader = _Reader(self._directory, stream, Frames(self._nonce), keep=not self._local)
                while self._mono() < deadline:
                    data = stream.receive(SLICE)
                    if data == b"":
                        break
                    if data and (end := reader.take(data)) is not None:
                        return self._stopped(self._told(stream, end), why, killed=reader.stopping)
        except (ExecutorError, HostKeyRefused, Lost) as error:
            return self._in_the_dark(f"{why}, and it could not be stopped: {error}")
        return self._in_the_dark(f"{why}, and whether it has stopped was not to be learnt")

    def _stopped(self, end: HostEnd, why: str, *, killed: bool) -> HostEnd:
        if end.ending is Ending.NOT_STARTED:
            return HostEnd(Ending.FAILED, error=f"{why} before it began on {self.host.name}")
        if end.rc is None or killed:
            told = f" (exit code {end.rc})" if end.rc is not None else ""
            return HostEnd(
                Ending.UNKNOWN,
                rc=end.rc,
                error=f"{why} on {self.host.name}, and it was stopped{told}; it may have taken effect in part",
            )
        return end

    def _known(self) -> HostEnd | None:
        try:
            rc = wrapper.rc_of((self._directory / "rc").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None
        return None if rc is None else HostEnd(Ending.OK, rc=rc)

    def _in_the_dark(self, why: str) -> HostEnd:
        return HostEnd(
            Ending.UNKNOWN,
            error=f"{self.host.name}: {why}; it may have taken effect",
            mend="when the host can be reached again, look what happened before anything is repeated",
        )


class _Reader:
    """Takes the wrapper's answers until the last one, writing what the command printed to files."""

    def __init__(self, directory: Path, stream: Stream, frames: Frames, *, keep: bool) -> None:
        self._directory, self._stream, self._frames, self._keep = directory, stream, frames, keep
        self._rc: int | None = None
        self._spoke = False
        self.stopping = False

    def take(self, data: bytes) -> HostEnd | None:
        """The end, as soon as it is there and safely kept. Raises Lost for an answer that makes no sense."""
        try:
            return self._taken(data)
        except ValueError as error:
            raise Lost(f"the answer made no sense: {error}") from error

    def _taken(self, data: bytes) -> HostEnd | None:
        with ExitStack() as files:
            opened: dict[str, IO[bytes]] = {}
            for said in self._frames.feed(data):
                self._spoke = True
                if isinstance(said, Piece):
                    if said.stream not in opened:
                        make_for_host(self._directory)
                        opened[said.stream] = files.enter_context((self._directory / said.stream).open("ab"))
                    opened[said.stream].write(said.data)
                elif isinstance(said, Result):
                    self._rc = said.rc
                    if self._keep and self._directory.is_dir():
                        # What an earlier, broken-off reading left is written anew.
                        for name in ("out", "err"):
                            (self._directory / name).unlink(missing_ok=True)
                elif said.word == "end":
                    files.close()
                    return self._ended()
                elif said.word == "refused":
                    return HostEnd(Ending.FAILED, error=f"nothing was begun: {said.rest}")
                elif said.word == "absent":
                    return HostEnd(Ending.NOT_STARTED)
                elif said.word == "gone":
                    return HostEnd(
                        Ending.GONE, error="it was begun, and neither it nor its exit code is there any more"
                    )
                elif said.word == "stopping":
                    self.stopping = True
        return None

    def hung_up(self, host: str) -> HostEnd:
        """The wrapper's end of the line, before its last word. Raises Lost unless it certainly never began."""
        if not self._spoke and not self._stream.served and self._stream.status() is not None:
            return HostEnd(
                Ending.FAILED,
                error=f"the account on {host} runs no commands: {_noise(self._frames, self._stream)}",
                mend="the account needs a login shell and /bin/sh",
            )
        if self._stream.served:
            self._stream.over()  # asked before it is closed from here
        raise Lost("the connection ended before the command did")

    def _ended(self) -> HostEnd:
        if self._rc is None:
            raise Lost("the answer made no sense")
        # Kept nowhere else yet: until the outcome is in the journal, the target keeps its own (see settle).
        return HostEnd(Ending.OK, rc=self._rc)


def make_for_host(directory: Path) -> None:
    """Make a job's directory for one host, and the one above it for all of them, where they are not there yet."""
    if not directory.is_dir():
        directory.parent.mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)


def _noise(frames: Frames, stream: Stream) -> str:
    text = (frames.noise.decode("utf-8", "replace").strip() + " " + stream.noise()).strip()
    return " ".join(text.split())[:500] or "it said nothing"
