# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""Keeps one fork waiting, for as long as the driver lives."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from contextlib import suppress
from typing import NoReturn

from orchestrator.executors.warm import titles
from orchestrator.executors.warm.fork import Lines, wait_for_request
from orchestrator.executors.warm.preload import Warmed
from orchestrator.executors.warm.shelf import DONE, QUIET

_BUSY = 0.5
"""Seconds that a play may take to begin before the next fork is made beside it."""


class Server:
    """Keeps one fork waiting, and takes in what the forks had to load by themselves, so that the next need not.

    The next fork is made when the play that took the last one waits for its hosts: before, it would take the processor
    from it. Where a request waits, it is made at once.
    """

    def __init__(self, driver: socket.socket, warmed: Warmed) -> None:
        self._driver = driver
        self._warmed = warmed
        self._learnt, self._teaching = os.pipe()
        os.set_blocking(self._learnt, False)
        os.set_blocking(self._teaching, False)
        self._heard = b""
        self._begun = -_BUSY
        titles.set_title("holdfast: warm Ansible")

    def serve(self) -> None:
        """Serve until the driver is gone."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while self._one():
            _reap()
            self._until_quiet()
        _reap()

    def _one(self) -> bool:
        """Fork one, and wait until it was taken, or knows less than this process; False when the driver is gone."""
        gc.freeze()  # what is there by now is not looked through by any fork, and so stays shared
        alive, living = os.pipe()  # an untaken fork ends when this process lets go of it
        taken, taking = os.pipe()  # and tells that it is being taken by letting go of this
        spare = os.fork()
        if spare == 0:
            for line in (living, taken, self._learnt):
                os.close(line)
            self._fork(Lines(self._driver, alive, taking, self._teaching))
        os.close(alive)
        os.close(taking)
        try:
            goes_on = self._wait(taken)
            if not goes_on and not _has_ended(taken):
                os.kill(spare, signal.SIGKILL)
                os.waitpid(spare, 0)
            return goes_on
        finally:
            os.close(living)
            os.close(taken)

    def _fork(self, lines: Lines) -> NoReturn:
        try:
            wait_for_request(lines, self._warmed)
        finally:
            os._exit(1)

    def _wait(self, taken: int) -> bool:
        poll = select.poll()
        poll.register(self._driver, 0)  # only whether the other end is gone
        poll.register(taken, select.POLLIN)
        poll.register(self._learnt, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if ready.get(self._driver.fileno()):
                return False
            if ready.get(self._learnt) and self._learn():
                return True
            if ready.get(taken):
                self._begun = time.monotonic()
                return True

    def _until_quiet(self) -> None:
        """Wait until the play that was begun last leaves the processor alone, or nobody can wait any longer."""
        poll = select.poll()
        poll.register(self._driver, select.POLLIN)
        poll.register(self._learnt, select.POLLIN)
        while (left := self._begun + _BUSY - time.monotonic()) > 0:
            ready = dict(poll.poll(left * 1000))
            if ready.get(self._driver.fileno()):
                return
            said = self._hear() if ready else b""
            if DONE in said:
                self._learn()
            if DONE in said or QUIET in said:
                return

    def _learn(self) -> bool:
        """Whether a play has ended that had to load something, which is now loaded here."""
        self._hear()
        whole, ended, rest = self._heard.rpartition(DONE + b"\n")
        if not ended:
            return False
        self._heard = rest
        return self._warmed.shelf.learn(whole)

    def _hear(self) -> bytes:
        """What plays have said since it was asked last."""
        before = len(self._heard)
        with suppress(BlockingIOError):
            while heard := os.read(self._learnt, 65536):
                self._heard += heard
        return self._heard[before:]


def _has_ended(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(0))


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
