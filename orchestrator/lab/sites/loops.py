"""Loop devices of this machine, and the files behind them."""

from __future__ import annotations

import contextlib
from pathlib import Path

_BLOCKS = Path("/sys/block")


def attached() -> list[tuple[str, str]]:
    """Each loop device in use with the file behind it (which may be deleted)."""
    found = []
    for place in sorted(_BLOCKS.glob("loop*/loop/backing_file")):
        with contextlib.suppress(OSError):
            found.append((f"/dev/{place.parent.parent.name}", place.read_text().strip().removesuffix(" (deleted)")))
    return found
