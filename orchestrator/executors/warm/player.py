# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""The fork that is ansible-playbook: on a terminal of its own, with what a fresh one would find.

It is forked before it is needed, and waits to be told its command line. With that it does what only reads: options,
inventory, plugins of ansible-core. Then it waits for the word to go on, as everything else has an effect or may have.
"""

from __future__ import annotations

import atexit
import mmap
import os
import pty
import signal
import socket
import sys
import termios
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.executors import ansible_child, detached
from orchestrator.executors.ansible_child import PRIVATE
from orchestrator.executors.warm import titles, wire
from orchestrator.executors.warm.preload import Warmed
from orchestrator.executors.warm.reading import Reading
from orchestrator.executors.warm.refresh import refresh
from orchestrator.executors.warm.shelf import DONE

LAST = 19
"""Others go first."""
_ROWS, _COLUMNS = 24, 80
"""The size of the terminal that pexpect gives."""


class Player:
    """The waiting fork, as the process sees it that will follow its play."""

    def __init__(self, warmed: Warmed, pid: int, terminal: int, talk: socket.socket, end: mmap.mmap) -> None:
        self._warmed = warmed
        self._pid = pid
        self._terminal = terminal
        self._talk = talk
        self._end = end
        self._told: dict[str, Any] | None = None
        self._waits = True

    @classmethod
    def begin(cls, warmed: Warmed, teaching: int) -> Player:
        """Fork it."""
        ours, theirs = wire.pair()
        end = mmap.mmap(-1, mmap.PAGESIZE)  # both see it
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                _wait_and_play(warmed, theirs, teaching, end)
            except BaseException:  # noqa: BLE001  told on its terminal, as by the interpreter
                traceback.print_exc()
            finally:
                os._exit(1)
        theirs.close()
        return cls(warmed, pid, terminal, ours, end)

    def play(self, args: list[bytes], more: dict[str, Any]) -> Any:
        """A Begin (see ``ansible_child``): the waiting fork, where it is as a fresh program would be; else that."""
        words = [os.fsdecode(word) for word in args]
        if not self._fits(words, more):
            self.dismiss()
            return ansible_child.Fresh()(args, more)
        wire.send(self._talk, {"env": more["env"]}, [detached.LOCKS])
        self._talk.close()
        self._waits = False
        process = _program(self._end)(self._pid, self._terminal)
        process.argv, process.env, process.launch_dir, process.echo = args, more["env"], more["cwd"], False
        return process

    def prepare(self, directory: Path, request: Mapping[str, Any]) -> None:
        """Tell it what ansible-runner will most likely ask for, so that it begins to read. It has no effect yet."""
        private = str(directory / PRIVATE)
        words = [self._warmed.program, *request["arguments"], "-i", request["inventory"]]
        if request["hosts"]:
            words += ["-i", f"{private}/{ansible_child.ADDITIONS}"]
        words += ["--limit", request["limit"], "-e", f"@{private}/{ansible_child.EXTRAVARS}"]
        if request["tags"]:
            words += ["--tags", ",".join(request["tags"])]
        env = {name: value.replace(self._warmed.place, private) for name, value in self._warmed.env.items()}
        told = {
            "words": [*words, request["playbook"]],
            "cwd": request["project"],
            "env": {**env, "PWD": str(directory)},
        }
        with suppress(OSError):  # it has died: then the play is begun fresh
            wire.send(self._talk, told)
            self._told = told

    def dismiss(self) -> None:
        """End it, if it has not begun: it had no effect."""
        if self._waits:
            self._waits = False
            self._talk.close()
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._terminal)

    def _fits(self, words: list[str], more: Mapping[str, Any]) -> bool:
        known = {"env", "cwd", "echo", "preexec_fn"}
        return (
            set(more) <= known
            and more["echo"] is False
            and {"words": words, "cwd": more["cwd"], "env": more["env"]} == self._told
            and more["cwd"] == (self._warmed.cwd or more["cwd"])
        )


def _program(end: mmap.mmap) -> Any:
    """The class of a program on a terminal that says in ``end`` how it ends, before its memory is cleared away."""
    import ptyprocess  # type: ignore[import-untyped]

    class Program(ptyprocess.PtyProcess):  # type: ignore[misc]
        def isalive(self) -> bool:
            if not end[0]:
                return bool(super().isalive())
            self.status, self.exitstatus, self.signalstatus, self.terminated = end[1] << 8, end[1], None, True
            return False

    return Program


def _wait_and_play(warmed: Warmed, talk: socket.socket, teaching: int, end: mmap.mmap) -> NoReturn:
    # The number for the locks stays taken, or the locks might come with it and be closed as a copy.
    _keep_only({0, 1, 2, detached.LOCKS, talk.fileno(), teaching, *warmed.descriptors})
    termios.tcsetwinsize(0, (_ROWS, _COLUMNS))
    settings = termios.tcgetattr(0)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, settings)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as ansible-runner asks pexpect for
    sys.path.insert(0, os.path.realpath(Path(warmed.program).parent))
    warmed.pages.own()
    try:
        told = wire.receive(talk)
    except EOFError:
        os._exit(0)
    assert told is not None
    os.chdir(told.body["cwd"])
    sys.argv = told.body["words"]
    os.environ.clear()
    os.environ.update(told.body["env"])
    titles.set_title(sys.executable, *sys.argv)
    refresh(warmed.place, str(Path(os.environ["ANSIBLE_HOME"]).parent))
    warmed.shelf.begin(lambda line: _write(teaching, line))
    reading = Reading(lambda: _go(talk), warmed.shelf)
    if not warmed.only_reads:
        reading.end()
    rc = _main()
    reading.end()
    _write(teaching, DONE + b"\n")
    # Clearing the memory away takes some milliseconds, for which nobody has to wait, nor give way.
    end[1] = rc
    end[0] = 1
    for descriptor in (detached.LOCKS, 0, 1, 2):
        with suppress(OSError):
            os.close(descriptor)
    warmed.pages.learn()
    os.nice(LAST)
    os._exit(rc)


def _go(talk: socket.socket) -> None:
    """Wait until it may have effects; ends this process where that will not be."""
    try:
        word = wire.receive(talk)
    except EOFError:
        os._exit(0)
    assert word is not None
    talk.close()
    os.dup2(word.descriptors[0], detached.LOCKS)
    os.close(word.descriptors[0])
    os.environ.clear()
    os.environ.update(word.body["env"])  # the same as before, in ansible-runner's own order


def _keep_only(descriptors: set[int]) -> None:
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) not in descriptors:
            with suppress(OSError):  # the one that the listing itself had open
                os.close(int(entry.name))


def _write(descriptor: int, line: bytes) -> None:
    try:
        os.write(descriptor, line)
    except OSError:
        return  # nobody is there to learn, or is too busy: the next one loads it again


def _main() -> int:
    """What the program ansible-playbook does from its start to its exit code."""
    from ansible.cli.playbook import main

    rc: Any = 0
    try:
        main(sys.argv)
    except SystemExit as end:
        rc = end.code
        if rc is not None and not isinstance(rc, int):
            sys.stderr.write(f"{rc}\n")
            rc = 1
    except BaseException:  # noqa: BLE001  as the interpreter would
        sys.excepthook(*sys.exc_info())
        rc = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return (rc or 0) & 0xFF
