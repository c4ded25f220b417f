"""The work that every contestant does on the hosts, and the proof that it was done: once each, everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.contest import Failed
from benchmarks.hosts import WHERE


def command(directory: Path, number: int) -> str:
    """A shell line that leaves one more line in a file of this step and host."""
    return f"echo done >>{directory}/{number}.${WHERE}"


def argv(directory: Path, number: int) -> list[str]:
    """The same as words."""
    return ["sh", "-c", command(directory, number)]


def prove(directory: Path, steps: int, hosts: Iterable[str]) -> None:
    """Raises Failed unless each step was done exactly once on each host."""
    wanted = {f"{number}.{host}" for number in range(1, steps + 1) for host in hosts}
    found = {file.name: len(file.read_text().splitlines()) for file in directory.iterdir()}
    if missing := sorted(wanted - found.keys()):
        raise Failed(f"{len(missing)} of {len(wanted)} effects are missing: {', '.join(missing[:5])}")
    if odd := sorted(name for name, times in found.items() if times != 1 or name not in wanted):
        raise Failed(f"done more than once, or not asked for: {', '.join(odd[:5])}")
