"""Commands on this machine that outlive the driver: started detached, found again, and stopped honestly.

A small shell keeps each command company in a session of its own. Its directory then holds

``pid``     number, start time and boot of the shell, and when it may begin, on disk before it does
``begun``   the command was begun
``rc``      the command's exit code, put there by rename: its end is known

The shell waits for the word "go" on a pipe before it begins, and the driver gives it only once ``pid`` is on
disk. So no ``pid`` means that nothing was begun, whenever the driver died. The shell holds the locks (and not
the command, whose daemons would keep them for ever), in a socket that is never read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.errors import ExecutorError
from orchestrator.executors import jobdir, proc
from orchestrator.executors.contract import Control, Wish
from orchestrator.executors.proc import Process
from orchestrator.executors.stopping import stop
from orchestrator.plain import dataclass

# $1 the directory, $2 where to work, then the command. Descriptor 3 is the pipe, 4 the locks.
_COMPANION = """
read -r word <&3 && [ "$word" = go ] || exit 0
exec 3<&-
trap : TERM INT HUP
directory=$1 place=$2
shift 2
# Room for the exit code is taken now: the disk may be full when the command ends.
command -p printf '%-12s\\n' '' >"$directory/rc.new"
: >"$directory/begun" || exit 0
cd "$place" && unset OLDPWD && "$@" {locks}
rc=$?
command -p printf '%-12s\\n' "$rc" 1<>"$directory/rc.new" && command -p mv -f "$directory/rc.new" "$directory/rc"
"""
_ALONE = _COMPANION.format(locks="4<&-")
_SHARING = _COMPANION.format(locks="")

LOCKS = 4
"""The descriptor on which a command that shares the locks finds them (see ``share_locks``)."""

_SLICE = 0.25
"""Seconds between two looks at what the driver wishes."""


@dataclass(frozen=True, slots=True)
class Running:
    """It runs. ``process`` is what keeps it company; ``began`` is when, in seconds since boot."""

    process: Process
    began: float

    def age(self) -> float:
        """Seconds since it began."""
        return max(0.0, proc.since_boot() - self.began)


@dataclass(frozen=True, slots=True)
class Ended:
    """It has ended with this exit code; 128 + n after signal n."""

    rc: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """It certainly never began."""


@dataclass(frozen=True, slots=True)
class Gone:
    """It was begun, and nothing can be learnt of its end."""

    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """It was let go, and runs on."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """It was stopped before its end. ``survivors`` are processes of its that could not be stopped."""

    why: str
    survivors: tuple[Process, ...]

    def __str__(self) -> str:
        if not self.survivors:
            return self.why
        return f"{self.why}; still running: process {', '.join(str(p.pid) for p in sorted(self.survivors))}"


def start(
    directory: Path,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: bytes = b"",
    cwd: Path | None = None,
    lock_fds: Sequence[int] = (),
    share_locks: bool = False,
    stdout: str = jobdir.OUT,
    stderr: str = jobdir.OUT,
) -> Process:
    """Begin ``argv`` with exactly the environment ``env``; answers the shell that keeps it company.

    ``directory`` is the job's and exists; ``stdout`` and ``stderr`` are files in it. ``stdin`` is given from
    memory: it is on no disk, and whole even if this process dies. Raises ExecutorError when the program is
    not there.
    """
    place = cwd or directory
    # The program's whole path: the shell would take a bare "eval" or "exec" for a word of its own.
    named = str(place / argv[0]) if "/" in argv[0] else argv[0]
    program = shutil.which(named, path=env.get("PATH", os.defpath))
    if program is None:
        raise ExecutorError(f"there is no program {argv[0]!r} on this machine", mend="install it, or mend PATH")
    words = [str(Path(program).absolute()), *argv[1:]]
    with contextlib.ExitStack() as open_here:

        def opened(descriptor: int) -> int:
            open_here.callback(os.close, descriptor)
            return descriptor

        def high(descriptor: int) -> int:
            # Above the numbers the shell will use, so that none is overwritten before it is copied.
            return opened(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10))

        hear, tell = os.pipe()
        opened(hear)
        teller = os.fdopen(tell, "wb", buffering=0)
        open_here.callback(teller.close)
        with holding(lock_fds) as holder:
            files = {name: opened(open_log(directory / name)) for name in {stdout, stderr}}
            source = opened(os.memfd_create("stdin"))
            for piece in range(0, len(stdin), 1 << 20):
                os.write(source, stdin[piece : piece + (1 << 20)])
            os.lseek(source, 0, os.SEEK_SET)
            places = {0: source, 1: files[stdout], 2: files[stderr], 3: hear, LOCKS: holder.fileno()}
            pid = os.posix_spawn(
                "/bin/sh",
                [
                    "sh",
                    "-c",
                    _SHARING if share_locks else _ALONE,
                    "sh",
                    str(directory),
                    str(place),
                    *words,
                ],
                dict(env),
                file_actions=[
                    *[(os.POSIX_SPAWN_DUP2, high(fd), number) for number, fd in places.items()],
                    *[(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > max(places)],
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD],
            )
        process = proc.find(pid)
        if process is None:
            proc.reap(pid)
            raise ExecutorError(
                "the shell for the command died at once", mend="see whether memory or processes ran out"
            )
        note(directory, process)
        teller.write(b"go\n")
    return process


@contextlib.contextmanager
def holding(lock_fds: Sequence[int]) -> Iterator[socket.socket]:
    """A socket with the locks in it. Nobody reads it, so that whoever keeps it open keeps the locks."""
    holder, sender = socket.socketpair()
    with holder, sender:
        if lock_fds:
            socket.send_fds(sender, [b"locks"], list(lock_fds))
        yield holder


def note(directory: Path, process: Process) -> None:
    """Put on disk that ``process`` keeps the command in ``directory`` company, from now on. It may begin after this."""
    body = {"pid": process.pid, "start": process.start, "boot": proc.boot_id(), "began": proc.since_boot()}
    jobdir.write_durably(directory / "pid", json.dumps(body))


def _inheritable() -> list[int]:
    # What this process was itself given (a pipe of the caller's, a socket) must not be held open for hours.
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.get_inheritable(int(entry.name)):
                found.append(int(entry.name))
    return found


def open_log(path: Path) -> int:
    """The file of a command's output, private and for appending; to be closed by the caller."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def find(directory: Path) -> Running | Ended | NotStarted | Gone:
    """What became of the command that was, or was not, begun in ``directory``."""
    try:
        body = json.loads((directory / "pid").read_text(encoding="utf-8"))
        process, boot = Process(body["pid"], body["start"]), body["boot"]
        began = float(body.get("began", process.began))
    except FileNotFoundError:
        return NotStarted()
    except (ValueError, KeyError, TypeError) as error:
        return Gone(f"{directory / 'pid'} can not be read: {error}")
    same_boot = boot == proc.boot_id()
    # Alive is asked before rc is read: between the two it can only end, and then rc is there.
    if same_boot and proc.alive(process):
        return Running(process, began)
    proc.reap(process.pid)
    try:
        if (rc := _rc(directory)) is not None:
            return Ended(rc)
    except ValueError:
        return Gone("its exit code was not written whole")
    if not same_boot:
        return Gone("the machine was started anew while it ran")
    if not (directory / "begun").exists():
        return NotStarted()
    return Gone("its process is gone and left no exit code")


def follow(
    directory: Path, control: Control, timeout: float, told: socket.socket | None = None
) -> Ended | NotStarted | Gone | Left | Stopped:
    """Wait until the command has ended, has to be stopped, or is let go.

    ``timeout`` is the job's, in seconds from the command's own start, also where another process started it. ``told``
    is a socket whose other end the companion closes once ``rc`` is there and the locks are let go: what is left of its
    end then need not be waited for.
    """
    found = find(directory)
    if not isinstance(found, Running):
        return found
    process = found.process
    watched = os.pidfd_open(process.pid) if proc.alive(process) else None
    if watched is None:
        return _after(directory)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        if told is not None:
            poll.register(told, select.POLLIN)
        while True:
            # Asked before the time is: after this process was itself held up, an end that came in time counts.
            if ready := dict(poll.poll(0)):
                if watched in ready:
                    return _after(directory)
                with contextlib.suppress(ValueError):
                    if (rc := _rc(directory)) is not None:
                        return Ended(rc)
                assert told is not None
                poll.unregister(told)  # it can not say how it ended: its death will tell
            if control.wish is Wish.DETACH:
                return Left()
            left = min(control.remaining(), timeout - found.age())
            if control.wish is Wish.CANCEL or left <= 0:
                why = "it was stopped on request" if control.wish is Wish.CANCEL else f"timeout after {timeout:g} s"
                survivors = stop(process)
                return Stopped(why, tuple(sorted(survivors)))
            poll.poll(min(_SLICE, left) * 1000)
    finally:
        os.close(watched)


def _rc(directory: Path) -> int | None:
    """The exit code; None where there is none. Raises ValueError where it was not written whole."""
    try:
        return int((directory / "rc").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _after(directory: Path) -> Ended | NotStarted | Gone:
    found = find(directory)
    return Gone("it is said to have ended, and still runs") if isinstance(found, Running) else found
