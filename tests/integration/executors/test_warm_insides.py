"""What the warm process puts in the place of parts of ansible-core: each in a Python of its own, as they stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

DEADLINE = 90

RESULTS = """
from ansible.plugins import strategy
from orchestrator.executors.warm import waiting
strategy.StrategyBase.__init__ = lambda self: setattr(self, "_results", deque())
waiting._LONGEST = 1000.0
waiting.wait_for_results()
base = strategy.StrategyBase()
threading.Timer(0.05, base._results.append, ["one"]).start()
strategy.time.sleep(constants.DEFAULT_INTERNAL_POLL_INTERVAL)
assert list(base._results) == ["one"]
strategy.time.sleep(0.0001)
assert strategy.time.monotonic is time.monotonic
"""
"""It would sleep a thousand seconds."""

WORKERS = """
from multiprocessing import Process
from ansible.executor.task_queue_manager import TaskQueueManager
from orchestrator.executors.warm import waiting
constants.WORKER_SHUTDOWN_POLL_DELAY = 1000.0
waiting.wait_for_workers()
worker = Process(target=time.sleep, args=(0.1,))
worker.start()
TaskQueueManager._cleanup_processes(SimpleNamespace(_workers=[None, worker]))
assert not worker.is_alive()
TaskQueueManager._cleanup_processes(SimpleNamespace())
"""
"""It would look a second time after a thousand seconds."""

ROUTES = """
from ansible.utils.collection_loader import _collection_finder
from orchestrator.executors.warm.shelf import Routes
read = _collection_finder._meta_yml_to_dict
routes = Routes()
{kill}
routes.install()
table = (Path(ansible.__file__).parent / "config/ansible_builtin_runtime.yml").read_bytes()
assert _collection_finder._meta_yml_to_dict is not read
known = _collection_finder._meta_yml_to_dict(table, ("ansible.builtin", "runtime.yml"))
assert known == read(table, ("ansible.builtin", "runtime.yml")) and len(known["plugin_routing"]) > 5
assert known is _collection_finder._meta_yml_to_dict(table, ("ansible.builtin", "runtime.yml"))
assert _collection_finder._meta_yml_to_dict(b"a: 1", ("x.y", "runtime.yml")) == {{"a": "1"}}
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    pass
else:
    raise AssertionError("a process stayed behind")
"""

LET_GO = """
from orchestrator.executors.warm.shelf import Routes
routes = Routes()
os.close(routes._answer)
assert os.waitpid(routes._beside, 0)[0] == routes._beside
"""
"""What it reads for is gone: it must not wait for ever until somebody listens."""

LATER = """
import importlib.util, io, sys
from orchestrator.executors.warm import later
for name in [name for name in sys.modules if name.partition(".")[0] in ("invoke", "paramiko")]:
    del sys.modules[name]
later.put_off()
stand_in = sys.modules["invoke"]
import invoke
import paramiko
from paramiko.config import SSHConfig
assert invoke is stand_in is sys.modules["invoke"] and importlib.util.find_spec("invoke") is not None
read = SSHConfig.from_text("Match exec true\\n User bob\\n").lookup("somewhere")
assert read["user"] == "bob", read
import invoke.context
assert sys.modules["invoke"] is not stand_in and invoke.Context is stand_in.Context is invoke.context.Context
later.put_off()
assert sys.modules["invoke"] is invoke
"""
"""Of all packages that it puts off, only one is there: to be seen in what it is needed for."""

BEFORE = """
import os, signal, threading, time
from collections import deque
from pathlib import Path
from types import SimpleNamespace
import ansible
import ansible.cli.playbook
from ansible import constants
"""


@pytest.mark.parametrize(
    "script",
    [
        RESULTS,
        WORKERS,
        ROUTES.format(kill=""),
        ROUTES.format(kill="os.kill(routes._beside, signal.SIGKILL)"),
        LET_GO,
        LATER,
    ],
    ids=[
        "results-wake-the-play",
        "the-end-of-workers-wakes-it",
        "routes",
        "routes-whose-reader-was-killed",
        "routes-for-nobody",
        "packages-come-when-they-are-wanted",
    ],
)
def test_it_does_what_it_replaces(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE + script], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
