"""Which hosts labs this machine has had since it was booted, and where: so that one is cleared whose name is all
that is known of it.
"""

from __future__ import annotations

from pathlib import Path

PLACE = Path("/run/holdfast-hosts-labs")


def remember(key: str, directory: Path) -> None:
    """Write a lab down, before the first thing of it is made."""
    PLACE.mkdir(mode=0o700, exist_ok=True)
    fresh = PLACE / f".{key}.new"
    fresh.write_text(str(directory))
    fresh.replace(PLACE / key)


def directory_of(key: str) -> Path | None:
    """Where a lab is, or was; None where nobody wrote it down."""
    try:
        return Path((PLACE / key).read_text())
    except FileNotFoundError:
        return None


def known() -> dict[str, Path]:
    """All labs that are written down."""
    if not PLACE.is_dir():
        return {}
    found = {file.name: directory_of(file.name) for file in PLACE.iterdir() if not file.name.startswith(".")}
    return {key: directory for key, directory in found.items() if directory is not None}


def forget(key: str) -> None:
    """A lab of which nothing is left."""
    (PLACE / key).unlink(missing_ok=True)
