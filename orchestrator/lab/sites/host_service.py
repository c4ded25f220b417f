#!/usr/bin/python3 -IS
"""``lab-service``: a host's first process, and starting and stopping what is listed in /etc/holdfast-lab/services.d.

This file runs *inside* a host of the hosts lab, with nothing but Python's standard library.

A service is a file ``<name>.json``: ``{"argv": [...], "user": "root", "env": {}, "cwd": "/", "stop": "TERM",
"boot": true}``. With ``"boot": false`` it is not started at power on. Files in /etc/holdfast-lab/boot.d
(``{"argv": [...], "user": "root"}``) are run to their end before the services, in the order of their names. Nothing is
restarted by itself: that a thing died is for people and runbooks to see.
"""

from __future__ import annotations

import argparse
import contextlib
import grp
import json
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SETTINGS, RUN, LOGS = Path("/etc/holdfast-lab"), Path("/run/holdfast-lab"), Path("/var/log/holdfast-lab")


def main() -> int:
    """One of the verbs."""
    words = argparse.ArgumentParser(prog="lab-service", description="Services of this host.")
    words.add_argument("verb", choices=("init", "start", "stop", "restart", "status"))
    words.add_argument("name", nargs="?", help="a service; without one: all")
    given = words.parse_args()
    if given.verb == "init":
        init()
    names = [given.name] if given.name else _listed("services.d")
    good = True
    for name in names:
        if given.verb in ("stop", "restart"):
            stop(name)
        if given.verb in ("start", "restart"):
            start(name)
        if given.verb == "status":
            number = running(name)
            good = good and number is not None
            sys.stdout.write(f"{name}: {f'running as {number}' if number is not None else 'not running'}\n")
    return 0 if good else 3


def init() -> None:
    """The first process: boot, start, then bury the dead until the power goes."""
    for directory in (RUN, LOGS, Path("/run/sshd"), Path("/run/lock")):
        directory.mkdir(mode=0o755, exist_ok=True, parents=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for name in _listed("boot.d"):
        _say(f"boot: {name}")
        once = _read("boot.d", name)
        with _log(name) as log:
            ended = subprocess.run(once["argv"], stdout=log, stderr=log, check=False, **_as(once))
        if ended.returncode:
            _say(f"boot: {name} ended with {ended.returncode}")
    for name in _listed("services.d"):
        if _read("services.d", name).get("boot", True):
            start(name)
    _say("up")
    # Held back until it is asked for, so that none is missed between the two calls below.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            signal.sigwait([signal.SIGCHLD, signal.SIGTERM])


def start(name: str) -> None:
    """Start a service that does not run."""
    if running(name) is not None:
        return
    service = _read("services.d", name)
    with _log(name) as log:
        started = subprocess.Popen(service["argv"], stdout=log, stderr=log, start_new_session=True, **_as(service))
    moment = _started(started.pid)
    (RUN / f"{name}.json").write_text(json.dumps({"pid": started.pid, "started": moment}))
    _say(f"{name}: started as {started.pid}")
    # Its end is seen by the first process, whose child it becomes when this one ends.
    started.returncode = 0


def stop(name: str, seconds: float = 20.0) -> None:
    """Stop a service: the signal it names, and SIGKILL where that is not obeyed."""
    number = running(name)
    if number is None:
        return
    wanted = getattr(signal, f"SIG{_read('services.d', name).get('stop', 'TERM')}")
    deadline = time.monotonic() + seconds
    os.kill(number, wanted)
    while running(name) is not None:
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.01)
    _say(f"{name}: stopped")


def running(name: str) -> int | None:
    """The service's process; None where it does not run."""
    try:
        seen = json.loads((RUN / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None
    number = int(seen["pid"])
    return number if _started(number) == seen["started"] else None


def _started(number: int) -> int | None:
    """When a process started, in clock ticks; None where it is dead."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _listed(directory: str) -> list[str]:
    return sorted(file.stem for file in (SETTINGS / directory).glob("*.json"))


def _read(directory: str, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((SETTINGS / directory / f"{name}.json").read_text())
    return read


def _as(service: dict[str, Any]) -> dict[str, Any]:
    account = pwd.getpwnam(service.get("user", "root"))
    groups = [entry.gr_gid for entry in grp.getgrall() if account.pw_name in entry.gr_mem]
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        "stdin": subprocess.DEVNULL,
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": groups,
        "env": {**inherited, "HOME": account.pw_dir, "USER": account.pw_name, **service.get("env", {})},
        "cwd": service.get("cwd", "/"),
    }


def _log(name: str) -> Any:
    return (LOGS / f"{name}.log").open("ab")


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
