# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""A fork of the warm process: it waits for a request, and then is the program that sees one playbook through.

It does what the shell and the child of a cold start do (see ``detached`` and ``ansible_child``), with the same files in
the job's directory at the same moments, so that it is found, followed and stopped in the same way.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.executors import ansible_child, detached, jobdir
from orchestrator.executors.warm import titles, wire
from orchestrator.executors.warm.player import LAST, Player
from orchestrator.executors.warm.preload import Warmed

_WIDTH = 12
"""Characters of an exit code on disk. Room for it is taken at the start: the disk may be full at the end."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What connects a fork with the others: ``driver`` brings requests, ``alive`` ends with the process it was forked
    from, which learns from ``taking`` that it was taken and from ``teaching`` what it had to load."""

    driver: socket.socket
    alive: int
    taking: int
    teaching: int


def wait_for_request(lines: Lines, warmed: Warmed) -> NoReturn:
    """Wait, play, and exit."""
    os.setsid()
    player = Player.begin(warmed, lines.teaching)
    while request := _next(lines):
        answers, out, locks = request.descriptors
        with socket.socket(fileno=answers) as talk:
            directory, env = Path(request.body["directory"]), request.body["env"]
            if not (why := warmed.unfit(env, directory)):
                os.close(lines.taking)
                lines.driver.close()
                os.close(lines.alive)
                # Once it has this number, the driver may note it for its job: this process is for no other any more.
                if _told(talk, {"pid": os.getpid()}) and _heard(talk):
                    start = _Start(talk, directory, player)
                    _see_through(directory, env, request.body["request"], start, out, locks)
                    os.nice(LAST)
                os._exit(0)
            _told(talk, {"no": why})
        os.close(out)
        os.close(locks)
    os._exit(0)


def _next(lines: Lines) -> wire.Message | None:
    """The next request; None where none will come."""
    poll = select.poll()
    poll.register(lines.driver, select.POLLIN)
    poll.register(lines.alive, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if ready.get(lines.driver.fileno()):
            try:
                if message := wire.receive(lines.driver, 0):
                    return message
            except EOFError:
                return None
        elif ready:
            return None


def _told(talk: socket.socket, answer: dict[str, Any]) -> bool:
    """Whether the driver still waits for the answer, which it has now."""
    try:
        wire.send(talk, answer)
    except OSError:
        return False
    return True


def _heard(talk: socket.socket) -> bool:
    """Whether the driver says the next word; False where it is gone."""
    try:
        return wire.receive(talk) is not None
    except EOFError:
        return False


class _Start:
    """Begins the play (see ``ansible_child.Begin``) when the driver has said go, and else ends this process."""

    def __init__(self, talk: socket.socket, directory: Path, player: Player) -> None:
        self._talk = talk
        self._directory = directory
        self._player = player
        self._code = -1

    def ready(self, directory: Path, request: Mapping[str, Any]) -> None:
        """Let the play read what it will need meanwhile."""
        self._player.prepare(directory, request)

    def __call__(self, args: list[bytes], more: dict[str, Any]) -> Any:
        """Begin it. All that came before had no effect, and was done while the driver wrote down whose it is."""
        self._wait_for_go()
        return self._player.play(args, more)

    def over(self) -> None:
        """Nobody is left behind that reads what is shredded now."""
        self._player.dismiss()

    def end(self, rc: int) -> None:
        """Leave the exit code of what the cold child would have been, put there by rename."""
        if self._code < 0:  # it did not come as far as to begin the play
            self._wait_for_go()
        with suppress(OSError):
            os.pwrite(self._code, str(rc).ljust(_WIDTH).encode(), 0)
            (self._directory / "rc.new").rename(self._directory / "rc")
        # Whoever waits for the end need not wait until the memory is cleared away, which takes some milliseconds.
        os.close(detached.LOCKS)
        self._talk.close()

    def _wait_for_go(self) -> None:
        try:
            if _heard(self._talk):
                self._code = os.open(self._directory / "rc.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.write(self._code, b" " * _WIDTH + b"\n")
                (self._directory / "begun").touch(mode=0o600)
                return
        except OSError:
            traceback.print_exc()
        self._player.dismiss()
        with suppress(OSError):
            jobdir.shred(self._directory / ansible_child.PRIVATE)
        os._exit(0)


def _see_through(
    directory: Path, env: dict[str, str], request: dict[str, Any], start: _Start, out: int, locks: int
) -> None:
    # The driver stops the whole family: this process only has to live long enough to say how it went.
    for told in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, lambda *_: None)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (out, 1), (out, 2), (locks, detached.LOCKS)):
        os.dup2(source, number)
    for descriptor in (nothing, out, locks):
        os.close(descriptor)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(env, PWD=str(directory))  # a shell's doing, at a cold start
    titles.set_title("holdfast: one playbook, in", str(directory))
    rc = 1
    try:
        ansible_child.work(directory, request, start)
        rc = 0
    except BaseException:  # noqa: BLE001  as the interpreter would
        traceback.print_exc()
    start.end(rc)
