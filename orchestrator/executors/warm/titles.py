# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""What a process is called in the list of processes: a fork would be taken for the one it was forked from."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_START, _END = 45, 46
"""Where the words of the command line lie in memory: fields 48 and 49 of /proc/PID/stat, without pid and name."""


def set_title(*words: str) -> None:
    """Be called by these words, as far as the room of the first command line goes. What cannot be set stays."""
    with suppress(OSError):
        start, end = _room()
        text = b"\0".join(word.encode(errors="replace") for word in words)[: end - start - 1]
        ctypes.memmove(start, text + bytes(end - start - len(text)), end - start)
        Path("/proc/self/comm").write_bytes(_name(words).encode()[:15])


def _room() -> tuple[int, int]:
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(fields[_START]), int(fields[_END])


def _name(words: Sequence[str]) -> str:
    return Path(words[1] if len(words) > 1 else words[0]).name
