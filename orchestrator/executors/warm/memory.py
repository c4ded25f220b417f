# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""A fork shares its memory with its parent until it writes; here it gets its own copy of some while it waits anyway.

A play writes to some thousand pages, each of which costs an interruption when it is first written to. Which ones is
learnt from the first play. Contents never change: what is learnt wrongly only costs a little memory.
"""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MADV_POPULATE_WRITE = 23
"""Since Linux 5.14: as if each page were written to. Older ones say that they do not know it."""
_EXCLUSIVE = 1 << 56
"""In /proc/PID/pagemap: no other process has this page."""


class Pages:
    """The pages that forks of this process write to. Made before they are forked, and shared with all of them."""

    def __init__(self) -> None:
        self._areas = tuple(_areas())
        size = sum((end - start) // mmap.PAGESIZE for start, end in self._areas)
        self._written = mmap.mmap(-1, max(size, 1))  # a byte for each page
        self._learnt = mmap.mmap(-1, mmap.PAGESIZE)
        self._advise = ctypes.CDLL(None).madvise
        self._advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def own(self) -> None:
        """Have a copy of what forks before this one wrote to."""
        for start, written in self._of_areas():
            end = -1
            while (begin := written.find(1, end + 1)) >= 0:
                end = written.find(0, begin)
                end = end if end >= 0 else len(written)
                self._advise(start + begin * mmap.PAGESIZE, (end - begin) * mmap.PAGESIZE, _MADV_POPULATE_WRITE)

    def learn(self) -> None:
        """Remember what this fork has written to, if it is the first to tell: others hardly differ.

        Later on, pages would be taken for a fork's own that the process wrote to which all of them come from.
        """
        if self._learnt[0]:
            return
        self._learnt[0] = 1
        with suppress(OSError), Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
            base = 0
            for start, end in self._areas:
                pagemap.seek(start // mmap.PAGESIZE * 8)
                pages = array("Q", pagemap.read((end - start) // mmap.PAGESIZE * 8))
                for number, page in enumerate(pages, start=base):
                    if page & _EXCLUSIVE:
                        self._written[number] = 1
                base += (end - start) // mmap.PAGESIZE

    def _of_areas(self) -> Iterator[tuple[int, bytes]]:
        base = 0
        for start, end in self._areas:
            count = (end - start) // mmap.PAGESIZE
            yield start, self._written[base : base + count]
            base += count


def _areas() -> Iterator[tuple[int, int]]:
    """Where this process's own memory lies; room of the stack that was never used is left alone."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        where, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name != ["[stack]"]:
            start, end = (int(number, 16) for number in where.split("-"))
            yield start, end
