"""A job's private directory: made before any effect, and afterwards the proof of how the job ended.

Once a job has ended, its redacted outcome stays here (``outcome.json``) until the journal has it. The directory must
outlive the job: the driver may die between the job's end and the journal's commit of it, and a directory that is not
there says that the job never began.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import HoldfastError
from orchestrator.model.outcome import Ending, Outcome, OutputRef
from orchestrator.model.redaction import Redactor

KeepOutput = Callable[[str, Path], OutputRef | None]
"""Takes a job's ident and the file with its raw output; keeps a redacted copy and answers where."""

OUT = "out"
"""The file with the raw output."""
OUTCOME = "outcome.json"
_BLANK = bytes(65536)


def make(directory: Path) -> None:
    """Make the directory, durably: after a power cut it is there if any effect is.

    Raises FileExistsError where the job was begun before.
    """
    directory.mkdir(mode=0o700)
    _sync(directory.parent)


def began(directory: Path) -> bool:
    """Whether an effect may have happened: the directory is there."""
    return directory.exists()


def write_durably(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` (0600): it is there whole or not at all, after a power cut too."""
    _write(path, text, durably=True)


def write_at_once(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` (0600): whoever looks sees it whole or not at all. A power cut may tear or lose it."""
    _write(path, text, durably=False)


def _write(path: Path, text: str, *, durably: bool) -> None:
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if durably:
            os.fsync(file.fileno())
    fresh.replace(path)
    if durably:
        _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def outcome(directory: Path) -> Outcome | None:
    """The outcome kept in ``directory``, GONE where it can not be read, None where none was kept."""
    try:
        text = (directory / OUTCOME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Outcome.from_body(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        return Outcome(Ending.GONE, error=f"the kept outcome in {directory / OUTCOME} can not be read: {error}")


def tidy(directory: Path, ident: str, ended: Outcome, keep: KeepOutput, redactor: Redactor) -> Outcome:
    """Keep the output and the outcome, shred the rest. Answers the outcome with the reference to the output.

    LEFT: nothing is touched. GONE: the output so far is kept, the rest stays, as something may still be using
    it. NOT_STARTED: what was prepared goes, so that the job can be begun. A certain end (see ``is_certain``) is in the
    journal in a moment, and the whole directory gone: the outcome is there whole or not at all if this process dies
    first, but only as durable as the proof of it, which therefore stays. On a full disk the raw output goes unkept,
    which the outcome then says; raises OSError where not even the outcome can be kept.
    """
    if ended.ending is Ending.LEFT or not directory.is_dir():
        return ended
    if ended.ending is Ending.NOT_STARTED:
        shred(directory)
        return ended
    out = directory / OUT
    if ended.ref is None and out.is_file() and out.stat().st_size > 0:
        try:
            ended = replace(ended, ref=keep(ident, out))
        except (OSError, HoldfastError) as error:
            ended = replace(ended, error=f"{ended.error}\nits output could not be kept: {error}".strip())
    if ended.ending is Ending.GONE:
        return ended
    write = write_at_once if is_certain(ended) else write_durably
    body = json.dumps(redactor.value(ended.to_body()))
    try:
        write(directory / OUTCOME, body)
    except OSError:
        shred(out)  # may be what fills the disk
        write(directory / OUTCOME, body)
    if not is_certain(ended):
        _keep_only_outcome(directory)
    return ended


def settle(directory: Path) -> bool:
    """Make a certain end durable that the journal does not get now, and shred the rest; whether there was one."""
    known = outcome(directory)
    if known is None or not is_certain(known):
        return False
    write_durably(directory / OUTCOME, json.dumps(known.to_body()))
    _keep_only_outcome(directory)
    return True


def is_certain(ended: Outcome) -> bool:
    """Whether nothing more is to be learnt of how it ended."""
    return ended.ending in (Ending.OK, Ending.FAILED)


def _keep_only_outcome(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.name != OUTCOME:
            shred(entry)


def shred(path: Path) -> None:
    """Overwrite the files at and below ``path`` and remove everything. Links are removed, not followed.

    Overwriting is best effort: a copy-on-write file system may keep the old blocks.
    """
    _shred(str(path), path.lstat())


def _shred(path: str, about: os.stat_result) -> None:
    # With words instead of paths: a step waits for it.
    if stat.S_ISDIR(about.st_mode):
        with os.scandir(path) as listing:
            entries = list(listing)
        for entry in entries:
            _shred(entry.path, entry.stat(follow_symlinks=False))
        os.rmdir(path)  # noqa: PTH106
        return
    if stat.S_ISREG(about.st_mode) and about.st_nlink == 1 and about.st_size:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            left = about.st_size
            while left:
                left -= os.write(descriptor, _BLANK[:left])
        finally:
            os.close(descriptor)
    os.unlink(path)  # noqa: PTH108


def sweep(run_directory: Path) -> tuple[str, ...]:
    """Shred the job directories of a run that has ended; answers the idents that were there.

    ``run_directory`` holds them in ``jobs/``. Not for a run that can still be resumed.
    """
    jobs = run_directory / "jobs"
    if not jobs.is_dir():
        return ()
    found = sorted(entry.name for entry in jobs.iterdir())
    for name in found:
        shred(jobs / name)
    return tuple(found)
