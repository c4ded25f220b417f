"""What the hosts tier shares: logging in as the operator does, and looking at the machine for traces of a lab.

The traces are looked for with other means than the lab's own clean-up uses, so that it cannot hide what it misses.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.lab import processes
from orchestrator.lab.sites import leftovers, register
from orchestrator.lab.sites.lab import SitesLab, take_down

_PLACE = re.compile(r"holdfast-hosts-(?P<pid>\d+)-(?P<started>\d+)")
DEADLINE = 60.0
"""Seconds; generous, because the machine may have other things to do."""


def until(holds: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:g} s"
        time.sleep(0.02)
    return found


def place() -> Path:
    """A directory for this process's labs, from whose name it is told later whether the process still lives."""
    me = processes.look(os.getpid())
    assert me is not None
    found = Path(tempfile.gettempdir()) / f"holdfast-hosts-{me.pid}-{me.started}"
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def left_by_the_dead() -> dict[str, Path]:
    """Labs of test processes that have ended: key and place."""

    def ended(directory: Path) -> bool:
        owner = next((found for part in directory.parts if (found := _PLACE.fullmatch(part))), None)
        return owner is not None and not processes.alive(processes.Process(int(owner["pid"]), int(owner["started"])))

    return {key: directory for key, directory in register.known().items() if ended(directory)}


def clear_after_the_dead() -> list[str]:
    """Take the labs of test processes down that have ended; answers what was there."""
    cleared = []
    for key, directory in left_by_the_dead().items():
        cleared.append(f"{directory}: {leftovers.of(key, directory)}")
        take_down(directory, remove=True)
        shutil.rmtree(next(part for part in directory.parents if _PLACE.fullmatch(part.name)), ignore_errors=True)
    return cleared


@contextlib.contextmanager
def watched_over() -> Iterator[None]:
    """Beside this process stands one that clears the machine where this one is killed."""
    there = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    argv = [sys.executable, "-c", "import hosts_kit; hosts_kit.watch()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, env=there, text=True) as watcher:
        yield
        watcher.communicate("ended by itself")


def watch() -> None:
    """The process that watches: its input ends with the other one."""
    watched = processes.look(os.getppid())
    if sys.stdin.read():
        return
    # A process closes its files before it has ended.
    if watched is not None:
        processes.wait_gone(watched, DEADLINE)
    clear_after_the_dead()


def traces(lab: SitesLab) -> dict[str, list[str]]:
    """Everything the machine shows of a lab, by the means a person would use."""
    words = (lab.key, str(lab.directory))
    seen = {
        "network namespaces": _lines("ip", "netns", "list"),
        "mounts": Path("/proc/mounts").read_text().splitlines(),
        "loop devices": _lines("losetup", "--list", "--noheadings"),
        "swap": Path("/proc/swaps").read_text().splitlines(),
        # Groups of another lab may go while they are walked.
        "control groups": _lines("find", "/sys/fs/cgroup", "-ignore_readdir_race", "-name", f"*{lab.key}*"),
        # The dead whom nobody has buried yet hold nothing any more.
        "processes": [
            line for line in _lines("ps", "-ww", "-eo", "pid,stat,cgroup:1000,args") if "<defunct>" not in line
        ],
        "register": [str(file) for file in register.PLACE.glob("*")] if register.PLACE.exists() else [],
    }
    mine = re.compile(rf"^\s*{os.getpid()}\s")
    found = {
        what: [line for line in lines if any(word in line for word in words) and not mine.search(line)]
        for what, lines in seen.items()
    }
    return {what: lines for what, lines in found.items() if lines}


def interfaces() -> list[str]:
    """Network interfaces of this machine's own namespace."""
    return sorted(line.split()[0] for line in _lines("ip", "-brief", "link"))


def ssh(
    lab: SitesLab,
    host: str,
    *argv: str,
    user: str = "ops",
    known_hosts: Path | None = None,
    seconds: int = 10,
) -> subprocess.CompletedProcess[str]:
    """Log in from the control host with the operator's key and the pinned host keys, and nothing else."""
    words = {
        "UserKnownHostsFile": known_hosts or lab.known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": seconds,
    }
    options = [word for name, value in words.items() for word in ("-o", f"{name}={value}")]
    address = lab.host(host).address
    argv = ("ssh", "-F", "none", "-i", str(lab.operator_key), *options, f"{user}@{address}", "--", *argv)
    return lab.control(argv, check=False, seconds=DEADLINE)


def pings(lab: SitesLab, source: str, target: str) -> bool:
    """Whether a host hears another one."""
    argv = ["ping", "-c", "1", "-W", "1", lab.host(target).address]
    return lab.host(source).run(argv, check=False).returncode == 0


def script(text: str, *argv: str) -> subprocess.Popen[str]:
    """Another Python of this environment, running ``text``."""
    return subprocess.Popen(
        [sys.executable, "-c", text, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _lines(*argv: str) -> list[str]:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
