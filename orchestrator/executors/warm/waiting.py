# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""A play waits for its results and for its workers' end instead of looking for them again and again.

Each look for a result costs a fifth of a millisecond, of which there is one a millisecond; between two looks for a
worker's end passes a tenth of a second. Whatever else Ansible looks for at the same places it still looks for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from ansible import constants
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.plugins import strategy

_LONGEST = 0.02
"""Seconds between two looks where nothing comes."""


def wait_for_results() -> None:
    """From now on and in all forks."""
    heard = threading.Event()

    class Results(deque[Any]):
        """Tells when one came."""

        def append(self, result: Any) -> None:
            super().append(result)
            heard.set()

    class Time:
        """The module ``time``, as ``ansible.plugins.strategy`` sees it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        def sleep(self, seconds: float) -> None:
            """Sleep; where it is done between two looks, until something came."""
            if seconds != constants.DEFAULT_INTERNAL_POLL_INTERVAL or seconds > _LONGEST:
                time.sleep(seconds)
                return
            heard.wait(_LONGEST)
            heard.clear()

    begin = strategy.StrategyBase.__init__

    def began(self: Any, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        self._results = Results(self._results)

    strategy.StrategyBase.__init__ = began
    strategy.time = Time()


def wait_for_workers() -> None:
    """From now on and in all forks."""
    clean_up = TaskQueueManager._cleanup_processes

    def cleaned_up(self: Any) -> None:
        until = time.monotonic() + constants.WORKER_SHUTDOWN_POLL_DELAY
        for worker in getattr(self, "_workers", ()):
            if worker and worker.is_alive():
                worker.join(max(0.0, until - time.monotonic()))
        clean_up(self)

    TaskQueueManager._cleanup_processes = cleaned_up
