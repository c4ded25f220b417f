# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""The warm process: ``python -P -m orchestrator.executors.warm.parent DESCRIPTOR DIRECTORY``.

It imports all that a play needs, and keeps one fork of itself waiting for a request. DESCRIPTOR is the socket to the
driver: the waiting fork reads requests from it. When the driver is gone, so are this process and its waiting fork; a
fork that took a request is on its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

from orchestrator.executors import detached
from orchestrator.executors.warm import preload


def main(descriptor: int, directory: Path) -> int:
    """Warm up and serve until the driver is gone."""
    # Its end comes with the driver's. Until it serves, SIGTERM ends it too.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    driver = socket.socket(fileno=fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10))
    os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    if nothing != detached.LOCKS:  # the number is kept for what a fork will hold there
        os.dup2(nothing, detached.LOCKS, inheritable=False)
    try:
        warmed = preload.everything(directory)
        # Not before: it imports Ansible, which looks around when it is imported.
        from orchestrator.executors.warm.server import Server

        Server(driver, warmed).serve()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    code = main(int(sys.argv[1]), Path(sys.argv[2]))
    # What was imported is not taken apart piece by piece, which takes a tenth of a second: the driver waits for this.
    os._exit(code)
