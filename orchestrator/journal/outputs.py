"""The complete output of a job, redacted, as a file beside the journal: whole, or not there at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from orchestrator.journal.files import make_private_directory, write_whole
from orchestrator.model.outcome import OutputRef
from orchestrator.model.redaction import Redactor

DIRECTORY = "outputs"
PIECE = 1 << 18
"""Bytes read at a time."""

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class OutputKeeper:
    """Keeps the outputs of one run in ``<run_directory>/outputs/<ident>.out`` (0600).

    ``warn`` gets a sentence for people where an output could not be kept: a full disk must not fail a step that
    worked.
    """

    def __init__(self, run_directory: Path, redactor: Redactor, warn: Callable[[str], None]) -> None:
        self._run_directory = run_directory
        self._redactor = redactor
        self._warn = warn

    def keep(self, ident: str, source: Path | Iterable[bytes]) -> OutputRef | None:
        """Keep what is in ``source`` (a file, or pieces of bytes) without the secrets; memory stays bounded.

        Answers None, with a warning, where it can not be read or written. The file is durable on return. Raises
        ValueError for an ident that is not safe as a file name.
        """
        if not _SAFE.fullmatch(ident):
            raise ValueError(f"{ident!r} is not a job's ident")
        name = f"{DIRECTORY}/{ident}.out"
        digest = hashlib.sha256()
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in self._redactor.stream(_pieces(source)):
                digest.update(piece)
                size += len(piece)
                yield piece

        try:
            make_private_directory(self._run_directory / DIRECTORY)
            write_whole(self._run_directory / name, counted())
        except OSError as error:
            self._warn(f"the output of {ident} could not be kept ({error}); the run goes on without it")
            return None
        return OutputRef(name, digest.hexdigest(), size)


def _pieces(source: Path | Iterable[bytes]) -> Iterator[bytes]:
    if not isinstance(source, Path):
        yield from source
        return
    with source.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
