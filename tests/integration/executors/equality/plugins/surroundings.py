"""A callback that writes down what the process of ansible-playbook itself finds around it."""

from __future__ import annotations

import atexit
import json
import locale
import os
import resource
import signal
import stat
import sys
import threading
import time
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

DOCUMENTATION = """
name: surroundings
type: aggregate
short_description: writes down what ansible-playbook finds around it
description: see short_description
options: {}
"""
_FLAGS = ("optimize", "dont_write_bytecode", "utf8_mode", "ignore_environment", "no_user_site", "dev_mode")
_OURS = 0x7FFFFFFF
"""Signals 1 to 31. The C library ignores those it keeps to itself (32, 33) in what it starts in one of several ways."""
_LOCKS = 4
"""The descriptor that holds the run's locks."""
_KINDS = {
    stat.S_IFCHR: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "surroundings"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        effects = Path(playbook._basedir).parent / "effects"
        (effects / "surroundings.json").write_text(json.dumps(_surroundings(), indent=1, default=str))
        # A process that ends as it should comes by here.
        atexit.register((effects / "ended-in-order").touch)


def _surroundings():
    mask = os.umask(0)
    os.umask(mask)
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "umask": oct(mask),
        "environment": dict(sorted(os.environ.items())),
        "user": [os.getresuid(), os.getresgid(), os.getgroups()],
        "session": {
            "leads it": os.getsid(0) == os.getpid(),
            "own group": os.getpgid(0) == os.getpid(),
            "in front": _in_front(),
        },
        "streams": {
            name: {
                "terminal": stream.isatty(),
                "encoding": [stream.encoding, stream.errors],
                "buffering": stream.line_buffering,
                "number": stream.fileno(),
            }
            for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
        },
        "size": list(os.get_terminal_size(1)) if os.isatty(1) else None,
        "descriptors": _descriptors(),
        "signals": {name: f"{int(status[name], 16) & _OURS:x}" for name in ("SigIgn", "SigBlk")},
        "handlers": {
            number.name: getattr(signal.getsignal(number), "__name__", str(signal.getsignal(number)))
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGALRM)
        },
        "rights": {name: status[name] for name in ("CapEff", "CapPrm", "NoNewPrivs", "Seccomp")},
        "limits": {
            name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")
        },
        "nice": os.nice(0),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "locale": [locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), sys.getfilesystemencoding()],
        "zone": [time.tzname, time.strftime("%H:%M %z", time.localtime(0))],
        "python": [sys.executable, sys.prefix, *[f"{name}={getattr(sys.flags, name)}" for name in _FLAGS]],
        "options": dict(sorted(context.CLIARGS.items())),
        "display": {"columns": Display().columns, "verbosity": Display().verbosity},
    }


def _in_front():
    try:
        return os.tcgetpgrp(0) == os.getpgid(0)
    except OSError as error:
        return error.strerror


def _descriptors():
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            about = os.fstat(int(entry.name))
        except OSError:  # the one that lists the directory
            continue
        kind = "terminal" if os.isatty(int(entry.name)) else _KINDS.get(stat.S_IFMT(about.st_mode), "other")
        if kind == "pipe":
            continue  # to its own workers; a fork of a warm process has one more, for what it had to load by itself
        found.append(f"{entry.name} {kind}" if int(entry.name) <= _LOCKS and kind in ("terminal", "socket") else kind)
    return sorted(found)
