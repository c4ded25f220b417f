"""What a command printed, as a step's output: small, typed where it is JSON, and complete in the file ``out``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from orchestrator.model.parse_names import Parser

SHOWN = 4096
"""Bytes of stdout in the output itself; the rest is in the kept file."""
LARGEST_OBJECT = 256 * 1024
"""Bytes of a JSON object that is taken as output. Outputs go into the journal, which is no place for bulk."""


def described(directory: Path, rc: int, parse: str) -> tuple[dict[str, Any], str]:
    """The output of a command whose ``out`` and ``err`` are in ``directory``, and what is wrong with it (or nothing).

    ``parse``: "json" demands an object, "auto" takes one where it is there, "text" takes none; a parser's name demands
    what that parser reads.
    """
    output: dict[str, Any] = {}
    problem = ""
    if parse in get_args(Parser):
        # A command that fails and prints nothing has not said "there are none".
        read = "printed nothing" if rc != 0 and _is_blank(directory / "out") else _read(directory / "out", parse)
        if isinstance(read, dict):
            output = read
        else:
            problem = f"it ended well, but {read}"
    elif parse != "text":
        found = _object(directory / "out")
        if isinstance(found, dict):
            output = dict(found)
        elif parse == "json":
            problem = f"it ended well, but {found}"
    for name, value in (("rc", rc), ("stdout", _head(directory / "out"))):
        output.setdefault(name, value)
    return output, problem


def complaint(directory: Path, rc: int) -> str:
    """One line on why a command failed: its exit code, and the last thing it said."""
    meaning = {126: " (not allowed to be run)", 127: " (no such program)"}.get(rc, "")
    if rc > 128:
        meaning = f" (signal {rc - 128})"
    said = _last_line(directory / "err") or _last_line(directory / "out")
    return f"exit code {rc}{meaning}" + (f": {said}" if said else "")


def gather(target: Path, directories: Sequence[tuple[str, Path]]) -> None:
    """All hosts' stdout and stderr in one file (0600), each under a heading where there is more than one part.

    Empty where nobody has printed anything: that is not worth keeping, and keeping costs as much as all else here.
    """
    printed = any(_size(directory / name) for _, directory in directories for name in ("out", "err"))
    with target.open("wb") as whole:
        target.chmod(0o600)
        for host, directory in directories if printed else ():
            if len(directories) > 1:
                whole.write(f"=== {host} ===\n".encode())
            _append(directory / "out", whole)
            if _size(directory / "err"):
                whole.write(b"--- stderr ---\n")
                _append(directory / "err", whole)


def whole(directory: Path, largest: int) -> bytes:
    """What a looking command printed, stdout and stderr, at most ``largest`` bytes of each."""
    found = b""
    for name in ("out", "err"):
        if (directory / name).is_file():
            with (directory / name).open("rb") as file:
                found += file.read(largest)
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _append(path: Path, whole: Any) -> None:
    if path.is_file():
        with path.open("rb") as part:
            shutil.copyfileobj(part, whole)


def _head(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(SHOWN).decode("utf-8", "replace")


def _last_line(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - SHOWN))
        lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "")


def _object(path: Path) -> dict[str, Any] | str:
    """The JSON object that the file is, or why it is none."""
    size = path.stat().st_size if path.is_file() else 0
    if size > LARGEST_OBJECT:
        return f"printed {size} bytes, too much for an output (at most {LARGEST_OBJECT})"
    if size == 0:
        return "printed nothing"
    try:
        found = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return f"did not print JSON: {error}"
    return found if isinstance(found, dict) else f"printed JSON that is no object but {type(found).__name__}"


def _is_blank(path: Path) -> bool:
    return not path.is_file() or not path.read_bytes().strip()


def _read(path: Path, parse: str) -> dict[str, Any] | str:
    """What the parser reads in the file, or why it reads nothing."""
    from orchestrator.executors.parsers import NotRead, parsed  # only for steps that name one

    size = path.stat().st_size if path.is_file() else 0
    if size > LARGEST_OBJECT:
        return f"printed {size} bytes, too much for an output (at most {LARGEST_OBJECT})"
    text = path.read_text(encoding="utf-8", errors="replace") if size else ""
    try:
        return parsed(parse, text)
    except NotRead as error:
        return f"its output is not read as {parse}: {error}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
