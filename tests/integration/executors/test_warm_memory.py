"""What a fork writes to is copied ahead for the next fork."""

from __future__ import annotations

import mmap
import os
import resource
import traceback
from collections.abc import Callable

from orchestrator.executors.warm.memory import Pages

_COUNT = 400


def in_a_fork(do: Callable[[], int]) -> int:
    """What ``do`` answers in a fork of this process."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(theirs, str(do()).encode())
        except BaseException:  # noqa: BLE001  the test sees that there is no answer
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return int(text)


def write(memory: bytearray) -> int:
    """Write to every page; answers how often the kernel had to step in."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for place in range(0, len(memory), mmap.PAGESIZE):
        memory[place] = 8
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_pages_that_a_fork_wrote_to_are_the_next_ones_own_before_it_writes() -> None:
    memory = bytearray(b"7" * (_COUNT * mmap.PAGESIZE))
    pages = Pages()

    def play() -> int:
        pages.own()
        assert set(memory) == set(b"7"), "its contents have changed"
        faults = write(memory)
        pages.learn()
        return faults

    assert in_a_fork(play) >= _COUNT - 2, "nothing was learnt yet"
    assert in_a_fork(play) < _COUNT // 10
    assert set(memory) == set(b"7"), "a fork's copy is its own"
