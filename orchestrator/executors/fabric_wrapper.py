"""What is said to the small shell program on the target (``remote_wrapper.sh``), and how its answers read.

ssh has only one string to say what to run, and hands it to the account's shell, whichever that is. So the string is
a constant, and the program, the words of the command, its environment and its input go through stdin, quoted: no word
is ever interpreted, and nothing secret is in an argument list or a file.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from orchestrator.errors import ExecutorError
from orchestrator.plain import dataclass

Mode = Literal["start", "attach", "stop", "check", "serve"]

BEAT = 5
"""Seconds between two signs of life from the target."""
GRACE = 5
"""Seconds a command has between TERM and KILL."""
LARGEST_STDIN = 4 * 1024 * 1024
"""Bytes of stdin and environment; the shell on the target holds them in memory."""
LARGEST_REQUEST = 16 * 1024
"""Bytes of a request to a shell that serves; a larger one gets a shell of its own, which reads it in one piece."""
TAKEN = b"taken\n"
"""Said to the wrapper when its result is safely kept: it takes its directory away."""

_WHOLE = "# whole"
# Nothing starts unless all of it has come: a cut in the middle of stdin would otherwise run half a payload.
_READER = (
    'p=$(head -c "$1" 2>/dev/null || dd bs=1 count="$1" 2>/dev/null); '
    f'case $p in *"{_WHOLE}") eval "$p";; *) exit 97;; esac'
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = re.compile(r"[0-9]{3}\n")
_SAFE = re.compile(r"[^A-Za-z0-9_.@-]")


@cache
def _program() -> str:
    return Path(__file__).with_name("remote_wrapper.sh").read_text(encoding="utf-8")


def safe_name(name: str) -> str:
    """``name`` as the name of a directory: an inventory's host names may hold anything."""
    cleaned = _SAFE.sub("_", name)[:100]
    if name and cleaned == name and not name.startswith((".", "-")):
        return name
    # Two names that look alike when cleaned must not share a directory.
    return f"_{cleaned}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Command:
    """One command and what goes with it. Raises ExecutorError where it cannot be handed over as it is."""

    argv: Sequence[str]
    env: Mapping[str, str]
    stdin: str | None = None

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0] or self.argv[0].startswith("-"):
            raise ExecutorError(
                f"{self.argv[0] if self.argv else ''!r} is not the name of a program",
                mend="the first word of argv is a program: a name or a path",
            )
        for name in self.env:
            if not _NAME.fullmatch(name):
                raise ExecutorError(
                    f"{name!r} is not the name of an environment variable", mend="letters, digits and _"
                )
        for text in (*self.argv, *self.env.values(), self.stdin or ""):
            if "\0" in text:
                raise ExecutorError("a command's words, environment and stdin cannot hold a NUL character")
        size = len((self.stdin or "").encode()) + sum(len(value.encode()) for value in self.env.values())
        if size > LARGEST_STDIN:
            raise ExecutorError(
                f"stdin and env are {size} bytes; at most {LARGEST_STDIN} are taken",
                mend="copy a large file to the host in a step of its own",
            )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job's directory is on the target. ``base`` is an absolute path; None: below the account's home."""

    run_id: str
    name: str
    base: str | None = None


def shell_words(payload: bytes) -> tuple[str, ...]:
    """The argv that reads ``payload`` from its stdin and does it."""
    return ("/bin/sh", "-c", _READER, "holdfast", str(len(payload)))


def shell_line(payload: bytes) -> str:
    """The same as one line for the shell of an account, quoted."""
    return "exec " + shlex.join(shell_words(payload))


def payload(
    mode: Mode,
    command: Command,
    place: Place,
    *,
    nonce: str,
    beat: int = BEAT,
    send: bool = True,
    made: bool = False,
) -> bytes:
    """Everything the wrapper needs. ``nonce`` begins each line it says, so that a login's chatter is told apart.

    ``made``: the job's directory is there already, made by who asks.
    """
    lines = [
        _program(),
        *_given(mode, command, place, nonce=nonce, send=send, made=made),
        f"hf_mode={mode}",
        f"hf_beat={beat}",
        f"hf_grace={GRACE}",
        f"hf_mark={_mark(nonce)}",
        shlex.join(["hf_main", *(command.argv if mode in ("start", "check") else ())]),
        _WHOLE,
    ]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def request(
    command: Command, place: Place, *, nonce: str, served: str, send: bool = True, made: bool = False
) -> bytes | None:
    """The same for a shell that serves and was itself given the nonce ``served``; None where it is too large."""
    if send and not made and place.base is None and not command.env and command.stdin is None:
        words = ["hf_run", safe_name(place.run_id), safe_name(place.name), nonce, *command.argv]
        text = _line(words) or _asked([shlex.join(words)], served)
    else:
        lines = [
            *_given("start", command, place, nonce=nonce, send=send, made=made),
            shlex.join(["hf_take", *command.argv]),
        ]
        text = _asked(lines, served)
    return text if len(text) <= LARGEST_REQUEST else None


def dropping(place: Place) -> bytes:
    """Tells a serving shell that a job's result is safely kept: its directory, in the account's home, goes soon."""
    return _line(["hf_taken", safe_name(place.run_id), safe_name(place.name)])


def clearing() -> bytes:
    """Asks a serving shell to take away now what it was told goes soon."""
    return _line(["hf_clear"])


def calling(*, nonce: str) -> bytes:
    """Asks a serving shell whether it is there: it says ``here``, after everything that it was asked before."""
    return b"!hf_nonce=" + shlex.quote(nonce).encode() + b"; hf_say here\n"


def _mark(nonce: str) -> str:
    return shlex.quote(f"whole {nonce}")


def _line(words: Sequence[str]) -> bytes:
    """A request that is one line, and therefore needs no mark at its end; empty where the words take several lines."""
    text = shlex.join(words)
    return b"" if "\n" in text else f"!{text}\n".encode("utf-8", "surrogateescape")


def _asked(lines: Sequence[str], served: str) -> bytes:
    return "\n".join([*lines, f"whole {served}", ""]).encode("utf-8", "surrogateescape")


def _base(place: Place) -> str:
    if place.base is None:
        return f'hf_base="$HOME"/.holdfast/jobs/{shlex.quote(safe_name(place.run_id))}'
    return f"hf_base={shlex.quote(place.base)}"


def _given(mode: Mode, command: Command, place: Place, *, nonce: str, send: bool, made: bool) -> list[str]:
    stdin = command.stdin if mode == "start" else None
    exports = [f"  export {name}={shlex.quote(value)}" for name, value in command.env.items()]
    return [
        "hf_env() {",
        "  :",
        *(exports if mode in ("start", "check") else ()),
        "}",
        _base(place),
        f"hf_given={int(place.base is not None)}",
        f"hf_name={shlex.quote(safe_name(place.name))}",
        f"hf_nonce={shlex.quote(nonce)}",
        f"hf_made={int(made)}",
        f"hf_send={int(send)}",
        f"hf_has_stdin={int(stdin is not None)}",
        f"hf_stdin={shlex.quote(stdin or '')}",
    ]


def digits(rc: int) -> str:
    """An exit code as its file holds it."""
    return f"{rc:03}\n"


def rc_of(text: str) -> int | None:
    """The exit code in its file; None while it holds none, or not all of it."""
    return int(text) if _DIGITS.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the wrapper's: one of its words (beat, started, exists, found, absent, gone, ...) and the rest."""

    word: str
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The command has ended with this exit code; so many bytes of stdout and stderr follow."""

    rc: int
    out: int
    err: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes the command printed."""

    stream: Literal["out", "err"]
    data: bytes


class Frames:
    """Reads the wrapper's answers from bytes as they come, in whatever pieces. Keeps a line at most in memory."""

    def __init__(self, nonce: str) -> None:
        self._mark = nonce.encode() + b" "
        self._line = b""
        self._left: dict[Literal["out", "err"], int] = {"out": 0, "err": 0}
        self.noise = b""
        """The last of what somebody else said (a login script, sshd); for error messages."""

    def feed(self, data: bytes) -> Iterator[Said | Result | Piece]:
        """Everything that ``data`` completes."""
        while data:
            stream: Literal["out", "err"] = "out" if self._left["out"] else "err"
            if self._left[stream]:
                piece, data = data[: self._left[stream]], data[self._left[stream] :]
                self._left[stream] -= len(piece)
                yield Piece(stream, piece)
                continue
            line, newline, rest = data.partition(b"\n")
            if not newline:
                self._line = (self._line + line)[-65536:]
                return
            line, self._line, data = self._line + line, b"", rest
            # A login script that prints without a newline may stand before the mark.
            _, mark, text = line.rpartition(self._mark)
            if not mark:
                self.noise = (self.noise + line + b"\n")[-1024:]
                continue
            word, _, tail = text.decode("utf-8", "replace").partition(" ")
            if word != "result":
                yield Said(word, tail)
                continue
            rc, out, err = (int(number) for number in tail.split())
            self._left = {"out": out, "err": err}
            yield Result(rc, out, err)
