"""Shells that stay on a host and begin one command after the other: a step then costs one packet there and one back.

Each shell serves one command at a time; commands side by side on one host get a shell each. What a shell begins is
on its own from then on (see ``remote_wrapper.sh``): when the shell or the link dies, the command is found again in
its directory, by a shell of its own.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import ExecutorError, HostKeyRefused
from orchestrator.executors import fabric_wrapper as wrapper
from orchestrator.executors.fabric_stream import LocalStream, Lost, SshStream
from orchestrator.executors.fabric_wrapper import Command, Frames, Place, Said
from orchestrator.model.inventory import Host
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from orchestrator.executors.fabric_connection import Connections

FRESH = 0.2
"""Seconds after its last answer in which a shell is not asked first whether it is still there: nothing is handed to a
link that went silent while nobody listened."""
_READY = 5.0
"""Seconds for a shell to come up, or to say that it is still there."""
_TIDY = 0.5
"""Seconds without a job that ended after which what may go on the hosts goes."""
_GOODBYE = 1.0
"""Seconds that closing gives the shells to take away what they were told to."""
_NOTHING = Command(("true",), {})


class Shell:
    """One shell that serves. Used by one thread at a time, except for ``drop``."""

    def __init__(self, key: Hashable, stream: SshStream | LocalStream, nonce: str) -> None:
        self.key = key
        self.stream = stream
        self._nonce = nonce
        self._telling = threading.Lock()
        self.heard = time.monotonic()
        self._untold: list[Place] = []
        """Whose results are safely kept, which the shell has still to hear."""
        self._uncleared = False

    def ask(self, command: Command, place: Place, *, nonce: str, send: bool, made: bool) -> bool:
        """Ask for a command; False where it is too large to be asked for here. Raises Lost."""
        text = wrapper.request(command, place, nonce=nonce, served=self._nonce, send=send, made=made)
        if text is None:
            return False
        self._say(text)
        return True

    def drop(self, place: Place) -> None:
        """A job's result is safely kept: its directory may go. Told with the next command, or by ``clear``."""
        with self._telling:
            self._untold.append(place)

    def clear(self) -> None:
        """Have the directories taken away that may go. Lost words are no error."""
        if self._untold or self._uncleared:
            try:
                self._say(wrapper.clearing())
            except Lost:
                return  # what stands there still is found by who looks for the job, and harms nobody
            self._uncleared = False

    def answers(self, within: float) -> bool:
        """Whether it is still there, after everything it was asked before."""
        nonce = secrets.token_hex(8)
        try:
            self._say(wrapper.calling(nonce=nonce))
        except Lost:
            return False
        return self.says("here", nonce, within)

    def says(self, word: str, nonce: str, within: float) -> bool:
        """Whether it says this one word next."""
        frames, deadline = Frames(nonce), time.monotonic() + within
        try:
            while (left := deadline - time.monotonic()) > 0:
                data = self.stream.receive(left)
                if data == b"":
                    return False
                for said in frames.feed(data or b""):
                    self.heard = time.monotonic()
                    return isinstance(said, Said) and said.word == word
        except (Lost, ValueError):
            return False
        return False

    def _say(self, text: bytes) -> None:
        with self._telling:
            told, self._untold = self._untold, []
            self._uncleared = self._uncleared or bool(told)
            self.stream.say(b"".join([*map(wrapper.dropping, told), text]))


class Asked:
    """A Stream (see ``fabric_stream``) with what a serving shell says about one command."""

    served = True

    def __init__(self, shells: Shells, shell: Shell, place: Place) -> None:
        self._shells, self._shell, self._place = shells, shell, place
        self._ended = False

    def receive(self, seconds: float) -> bytes | None:
        """See Stream."""
        return self._shell.stream.receive(seconds)

    def lively(self) -> bool:
        """See Stream."""
        return self._shell.stream.lively()

    def ended(self) -> None:
        """See Stream. The shell is free for the next command."""
        self._ended = True
        self._shells.back(self._shell)

    def taken(self) -> None:
        """See Stream. On this machine the wrapper's directory is the job's own, and stays."""
        if self._place.base is None:
            self._shells.drop(self._shell, self._place)

    def noise(self) -> str:
        """See Stream."""
        return self._shell.stream.noise()

    def status(self) -> int | None:
        """See Stream."""
        return self._shell.stream.status()

    def over(self) -> bool:
        """See Stream."""
        return self._shell.stream.over()

    def close(self) -> None:
        """See Stream. A shell that is left in the middle of an answer serves nobody any more."""
        if not self._ended:
            self._shells.discard(self._shell)


@dataclass
class _Kept:
    """Of one account on one host: shells without work, how many are coming up, and who waits for those."""

    idle: list[Shell]
    coming: int = 0
    waiting: int = 0
    unfit: bool = False
    """Its account has no shell that can serve: each command gets a shell of its own, as the promises are the same."""


class Shells:
    """The serving shells of a run."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._moved = threading.Condition()
        self._kept: dict[Hashable, _Kept] = {}
        self._lent: set[Shell] = set()
        self._closed = False
        self._dropped = 0.0
        """When something was last told to go; 0 where nothing is left to go."""

    def ahead(self, hosts: Sequence[Host], lock_fds: Sequence[int] = ()) -> None:
        """Bring a shell up on each host, without waiting: a step that comes later finds it there.

        Nothing that goes wrong is told: the step that needs the host meets it again, and says so.
        """
        for host in hosts:
            try:
                kept = self._of(self._key(host, lock_fds))
            except ExecutorError:
                continue
            with self._moved:
                if kept.idle or kept.coming:
                    continue
                kept.coming += 1
            threading.Thread(
                target=self._bring, args=(host, tuple(lock_fds), kept), name=f"ahead {host.name}", daemon=True
            ).start()

    def ask(
        self,
        host: Host,
        command: Command,
        place: Place,
        *,
        nonce: str,
        within: float,
        lock_fds: Sequence[int] = (),
        made: bool = False,
    ) -> Asked | None:
        """Have ``command`` begun on ``host``; None where that takes a shell of its own. Nothing was begun then.

        Raises what ``Connections.session`` raises, and Lost where the command may have been begun.
        """
        if wrapper.request(command, place, nonce=nonce, served=nonce, made=made) is None:
            return None
        shell = self._lend(host, tuple(lock_fds), within)
        if shell is None:
            return None
        try:
            shell.ask(command, place, nonce=nonce, send=not host.is_local, made=made)
        except Lost:
            self.discard(shell)
            raise
        return Asked(self, shell, place)

    def back(self, shell: Shell) -> None:
        """It has answered, and is free."""
        shell.heard = time.monotonic()
        with self._moved:
            self._lent.discard(shell)
            if not self._closed:
                self._kept[shell.key].idle.append(shell)
                self._moved.notify_all()
                return
        shell.stream.close()

    def drop(self, shell: Shell, place: Place) -> None:
        """A job's directory may go: with others, when the shell has nothing else to do."""
        shell.drop(place)
        with self._moved:
            begin, self._dropped = not self._dropped, time.monotonic()
        if begin:
            threading.Thread(target=self._tidy, name="tidy hosts", daemon=True).start()

    def _tidy(self) -> None:
        with self._moved:
            while not self._closed and (left := self._dropped + _TIDY - time.monotonic()) > 0:
                self._moved.wait(left)
            if self._closed:
                return
            self._dropped = 0.0
            shells = [*self._lent, *(shell for kept in self._kept.values() for shell in kept.idle)]
        for shell in shells:
            shell.clear()  # one that is busy does it afterwards

    def discard(self, shell: Shell) -> None:
        """It is of no use any more."""
        with self._moved:
            self._lent.discard(shell)
        shell.stream.close()

    def leave(self) -> None:
        """Nothing more will be asked: have those without work take away what may go. ``close`` waits for it."""
        with self._moved:
            idle = [shell for kept in self._kept.values() for shell in kept.idle]
        for shell in idle:
            if shell.stream.usable():
                shell.clear()

    def close(self) -> None:
        """Let them finish what they were told to take away, and end them."""
        with self._moved:
            self._closed = True
            idle = [shell for kept in self._kept.values() for shell in kept.idle]
            lent, self._lent, self._kept = list(self._lent), set(), {}
        with_work = [shell for shell in idle if shell.stream.usable()]
        deadline = time.monotonic() + _GOODBYE
        for shell in with_work:
            shell.clear()
        for shell in with_work:
            shell.answers(max(0.0, deadline - time.monotonic()))
        for shell in (*idle, *lent):
            shell.stream.close()

    def _key(self, host: Host, lock_fds: Sequence[int]) -> Hashable:
        return ("local", *lock_fds) if host.is_local else self._connections.login(host)

    def _of(self, key: Hashable) -> _Kept:
        with self._moved:
            return self._kept.setdefault(key, _Kept([]))

    def _lend(self, host: Host, lock_fds: tuple[int, ...], within: float) -> Shell | None:
        kept = self._of(self._key(host, lock_fds))
        deadline = time.monotonic() + within
        while True:
            shell = self._idle(kept, deadline)
            if shell is None:
                return None if kept.unfit else self._come_up(host, lock_fds, kept, deadline)
            if time.monotonic() - shell.heard <= FRESH or shell.answers(_READY):
                return shell
            self.discard(shell)

    def _idle(self, kept: _Kept, deadline: float) -> Shell | None:
        """One without work, waiting for one that is coming up for nobody else."""
        with self._moved:
            while True:
                while kept.idle:
                    shell = kept.idle.pop()
                    if shell.stream.usable():
                        self._lent.add(shell)
                        return shell
                    shell.stream.close()
                left = deadline - time.monotonic()
                if kept.coming <= kept.waiting or left <= 0:
                    return None
                kept.waiting += 1
                try:
                    self._moved.wait(left)
                finally:
                    kept.waiting -= 1

    def _bring(self, host: Host, lock_fds: tuple[int, ...], kept: _Kept) -> None:
        shell = None
        try:
            shell = self._come_up(host, lock_fds, kept, time.monotonic() + self._connections.settings.connect)
        except (ExecutorError, HostKeyRefused):
            return
        finally:
            with self._moved:
                kept.coming -= 1
                self._moved.notify_all()
            if shell is not None:
                self.back(shell)

    def _come_up(self, host: Host, lock_fds: tuple[int, ...], kept: _Kept, deadline: float) -> Shell | None:
        nonce = secrets.token_hex(16)
        beat = 0 if host.is_local else wrapper.BEAT
        place = Place("none", "none", "/" if host.is_local else None)
        payload = wrapper.payload("serve", _NOTHING, place, nonce=nonce, beat=beat)
        within = deadline - time.monotonic()
        try:
            stream: SshStream | LocalStream
            if host.is_local:
                stream = LocalStream(payload, lock_fds)
            else:
                stream = SshStream(self._connections, host, payload, within)
        except Lost:
            return None
        shell = Shell(self._key(host, lock_fds), stream, nonce)
        if not shell.says("ready", nonce, min(_READY, max(0.5, deadline - time.monotonic()))):
            kept.unfit = True
            stream.close()
            return None
        with self._moved:
            if not self._closed:
                self._lent.add(shell)
                return shell
        stream.close()
        return None
