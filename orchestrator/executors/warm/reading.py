# Copyright the Holdfast authors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes without any warranty. See <https://www.gnu.org/licenses/>. It is under this licence, unlike the
# rest of Holdfast, because it is one program with ansible-core; the rest talks to it through a socket.
"""How far a play may go before it has the word to begin: as long as it only reads what ansible-core itself reads.

Options, inventory and the list of plugins are read without any effect. It ends with the first event, and before that
with the first plugin that is not ansible-core's own, or that may do anything (a lookup may run a program).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible_runner.utils import get_callback_dir

from orchestrator.executors.warm.shelf import Shelf, is_core

_EFFECTS = (
    "CACHE_PLUGIN",
    "CALLBACKS_ENABLED",
    "DEFAULT_ASK_PASS",
    "DEFAULT_ASK_VAULT_PASS",
    "DEFAULT_BECOME_ASK_PASS",
    "DEFAULT_TRANSPORT",
    "DEFAULT_VAULT_IDENTITY_LIST",
    "DEFAULT_VAULT_PASSWORD_FILE",
    "SSH_AGENT",
    "VARIABLE_PLUGINS_ENABLED",
)
"""Settings with which Ansible asks somebody, runs a program or loads something else before a play begins."""


def settings_only_read() -> bool:
    """Whether none of the settings is made with which more than reading comes first."""
    return all(constants.config.get_config_value_and_origin(name)[1] == "default" for name in _EFFECTS)


class Reading:
    """Of one play, from its start on. ``then`` is called once, when it is over: it waits for the word."""

    def __init__(self, then: Callable[[], None], shelf: Shelf) -> None:
        self._then: Callable[[], None] | None = then
        self._shelf = shelf
        self._loads = shelf.loads
        self._ours = str(Path(get_callback_dir()) / "awx_display.py")
        self._send = send = TaskQueueManager.send_callback

        def send_callback(manager: TaskQueueManager, *args: Any, **more: Any) -> Any:
            self.end()
            return send(manager, *args, **more)

        TaskQueueManager.send_callback = send_callback
        shelf.loads = self._before

    def end(self) -> None:
        """It is over, if it was not."""
        if self._then is not None:
            then, self._then = self._then, None
            TaskQueueManager.send_callback = self._send
            self._shelf.loads = self._loads
            then()

    def _before(self, class_name: str, path: str) -> None:
        if class_name == "LookupModule" or not (is_core(path) or path == self._ours):
            self.end()
