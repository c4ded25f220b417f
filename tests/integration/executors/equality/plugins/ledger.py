"""A callback with a state of its own: writes down which of its methods were called, and with what."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: ledger
type: notification
short_description: writes down what happened
description: see short_description
options:
  title:
    description: what stands at the top
    default: untitled
    ini: [{section: callback_ledger, key: title}]
"""
SEEN = []


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "ledger"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        self._to = Path(playbook._basedir).parent / "effects/ledger.json"

    def v2_playbook_on_task_start(self, task, is_conditional):
        SEEN.append(["task", task.get_name()])

    def v2_runner_on_ok(self, result):
        SEEN.append(["ok", result._host.get_name(), result._result.get("msg")])

    def v2_runner_on_failed(self, result, ignore_errors=False):
        SEEN.append(["failed", result._host.get_name(), ignore_errors])

    def v2_playbook_on_stats(self, stats):
        self._display.display("ledger: " + self.get_option("title"))
        self._to.write_text(json.dumps([self.get_option("title"), *SEEN], indent=1))
