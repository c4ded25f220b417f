"""Power on: ``python -m orchestrator.lab.sites.launcher``. Becomes a host's first process, in namespaces of its own.

The parent writes the host's first process down *before* it may go on, so that no host ever runs that nobody knows
of. Whoever is killed on the way takes the rest with him: the parent dies with its caller, the child with its parent.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import socket
import stat
import sys
from pathlib import Path

from orchestrator.lab import processes

_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x20000000,
    0x40000000,
)
_REMOUNT = 32
_READ_ONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_DEATH_SIGNAL = 1
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_CLOSED = ("proc/sysrq-trigger", "proc/sys/kernel", "proc/sys/fs")
"""What of the kernel is every host's and this machine's at once, and nobody's to change from a host."""
_DROP_BOUND = 24
CAPABILITIES = {"SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_TIME": 25, "SYSLOG": 34}
"""Root on a host can do nothing of these: they would be done to this machine. Numbers as in capability.h."""
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}

libc = ctypes.CDLL(None, use_errno=True)


def main(argv: list[str] | None = None) -> int:
    """Start the host; ends when its first process runs."""
    words = argparse.ArgumentParser(prog="launcher", description="Powers a host of the hosts lab on.")
    words.add_argument("--root", type=Path, required=True, help="the host's root file system")
    words.add_argument("--name", required=True, help="the host's name")
    words.add_argument("--network", type=Path, required=True, help="its network namespace")
    words.add_argument("--group", type=Path, action="append", default=[], help="a control group directory")
    words.add_argument("--record", type=Path, required=True, help="file to write its first process down in")
    words.add_argument("--log", type=Path, required=True, help="file for what it says")
    words.add_argument("--bind", nargs=2, action="append", default=[], metavar=("FROM", "TO"), help="directory inside")
    words.add_argument("--device", action="append", default=[], metavar="NAME=PATH", help="block device inside")
    words.add_argument("program", nargs="+", help="its first process")
    given = words.parse_args(argv)
    _check(libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    for group in given.group:
        (group / "cgroup.procs").write_text(str(os.getpid()))
    with given.network.open() as namespace:
        _check(libc.setns(namespace.fileno(), _NEWNET), "setns")
    _check(libc.unshare(_NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID), "unshare")
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        # End of file without the word: the parent died before it could write this process down.
        if os.read(heard, 1) != b"g":
            os._exit(1)
        os.close(heard)
        try:
            _become(given)
        except OSError as error:
            with given.log.open("a") as log:
                log.write(f"{given.name} cannot start: {error}\n")
        os._exit(1)
    processes.remember(given.record, child)
    os.write(told, b"g")
    return 0


def _become(given: argparse.Namespace) -> None:
    os.setsid()
    log = os.open(given.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    socket.sethostname(given.name)
    root = given.root
    _mount("none", Path("/"), "", _RECURSIVE | _PRIVATE)
    _mount(str(root), root, "", _BIND | _RECURSIVE)
    _mount("proc", root / "proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for name in filter(lambda name: (root / name).exists(), _CLOSED):
        _mount(str(root / name), root / name, "", _BIND)
        _mount("none", root / name, "", _BIND | _REMOUNT | _READ_ONLY | _NOSUID | _NODEV | _NOEXEC)
    _mount("sysfs", root / "sys", "sysfs", _NOSUID | _NODEV | _NOEXEC | _READ_ONLY)
    _mount("tmpfs", root / "run", "tmpfs", _NOSUID | _NODEV, "mode=755,size=64m")
    _mount("tmpfs", root / "dev", "tmpfs", _NOSUID, "mode=755,size=1m")
    _devices(root / "dev", dict(item.split("=", 1) for item in given.device))
    _control_groups(root / "sys/fs/cgroup", given.group)
    for source, target in given.bind:
        inside = root / target.lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        _mount(source, inside, "", _BIND)
    os.chdir(root)
    _check(libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(libc.umount2(b".", _DETACH), "umount2")
    os.chdir("/")
    os.umask(0o022)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for number, handle in ((0, nothing), (1, log), (2, log)):
        os.dup2(handle, number)
    os.closerange(3, 4096)
    for number in CAPABILITIES.values():
        _check(libc.prctl(_DROP_BOUND, number, 0, 0, 0), "prctl")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    surroundings = {"PATH": path, "LANG": "C.UTF-8", "HOME": "/root"}
    os.execve(given.program[0], given.program, surroundings)  # noqa: S606 - the host's first process, no shell


def _devices(directory: Path, disks: dict[str, str]) -> None:
    before = os.umask(0)
    for name, (major, minor) in _DEVICES.items():
        os.mknod(directory / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    for name, target in _LINKS.items():
        (directory / name).symlink_to(target)
    for name, place in disks.items():
        os.mknod(directory / name, 0o660 | stat.S_IFBLK, Path(place).stat().st_rdev)
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5"), ("shm", "tmpfs", "")):
        (directory / name).mkdir(0o1777 if name == "shm" else 0o755)
        _mount(kind, directory / name, kind, _NOSUID, options or "mode=1777")
    (directory / "ptmx").symlink_to("pts/ptmx")
    os.umask(before)


def _control_groups(directory: Path, groups: list[Path]) -> None:
    """The host sees its own control groups, as their roots, where every system has them."""
    if len(groups) == 1:
        _mount(str(groups[0]), directory, "", _BIND)
        return
    _mount("tmpfs", directory, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=755,size=64k")
    for group in groups:
        # /sys/fs/cgroup/memory/<group> outside is /sys/fs/cgroup/memory inside.
        (directory / group.parent.name).mkdir()
        _mount(str(group), directory / group.parent.name, "", _BIND)


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    _check(libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def _check(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
