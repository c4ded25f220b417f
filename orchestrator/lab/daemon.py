"""Becoming a background process of the lab: own session, own log, the lab's account, and a record of who it is."""

from __future__ import annotations

import argparse

# Python loads these when they are first used. After privileges are dropped the interpreter's own files may be out of
# reach (below /root), so they are loaded now: codecs for host names and headers, and what prints a traceback.
import encodings.ascii
import encodings.idna
import encodings.latin_1
import linecache
import os
import sys
import traceback
from pathlib import Path

from orchestrator.lab import processes

LOADED = (encodings.ascii, encodings.idna, encodings.latin_1, linecache, traceback)


def add_options(words: argparse.ArgumentParser) -> None:
    """The options every lab program that can go to the background has."""
    words.add_argument("--daemon", action="store_true", help="go to the background once ready")
    words.add_argument("--record", type=Path, help="file to write the process down in")
    words.add_argument("--log", type=Path, help="file for what it says")
    words.add_argument("--uid", type=int, help="user to become (needs root)")
    words.add_argument("--gid", type=int, help="group to become (needs root)")


def become(given: argparse.Namespace) -> None:
    """Leave the terminal and the caller's privileges behind. The caller waits until ``ready``."""
    given.pipe = None
    if given.daemon:
        said, given.pipe = os.pipe()
        if os.fork():
            os.close(given.pipe)
            # End of file without the word: the child died on its way.
            os._exit(0 if os.read(said, 1) == b"r" else 1)
        os.close(said)
        os.setsid()
    if given.log is not None:
        log = os.open(given.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 2)
        os.dup2(log, 1)
        os.close(log)
        quiet = os.open(os.devnull, os.O_RDONLY)
        os.dup2(quiet, 0)
        os.close(quiet)
    if given.record is not None:
        processes.remember(given.record, os.getpid())
    if given.uid is not None:
        os.setgroups([])
        os.setresgid(given.gid, given.gid, given.gid)
        os.setresuid(given.uid, given.uid, given.uid)


def ready(given: argparse.Namespace) -> None:
    """Tell the caller that the program does its work now."""
    sys.stdout.flush()
    if given.pipe is not None:
        os.write(given.pipe, b"r")
        os.close(given.pipe)
