"""What Fabric stands on is imported without what nobody uses, and is there all the same for who asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata


def _in_a_fresh_process(program: str) -> object:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


_LOAD = "import json, sys\nfrom orchestrator.executors.fabric_library import load\nload()\n"


def test_fabric_is_loaded_without_what_it_does_not_use_here() -> None:
    found = _in_a_fresh_process(
        _LOAD + "unused = ('asyncio', 'unittest.mock', 'importlib.metadata', 'invoke.vendor.yaml', 'yaml')\n"
        "print(json.dumps([name for name in unused if name in sys.modules]))"
    )
    assert found == []


def test_who_asks_afterwards_gets_the_real_thing() -> None:
    found = _in_a_fresh_process(
        _LOAD + "import importlib.metadata, unittest.mock, invoke.util, paramiko\n"
        "print(json.dumps([paramiko.__version__, importlib.metadata.version('fabric'), "
        "isinstance(unittest.mock.Mock(), object), invoke.util.yaml.safe_load('a: 1')]))"
    )
    assert found == [metadata.version("paramiko"), metadata.version("fabric"), True, {"a": 1}]


def test_a_module_that_is_there_already_stays() -> None:
    found = _in_a_fresh_process(
        "import importlib.metadata, unittest.mock\nbefore = unittest.mock, importlib.metadata\n"
        + _LOAD
        + "import invoke\n"
        "print(json.dumps([before == (sys.modules['unittest.mock'], sys.modules['importlib.metadata']), "
        "issubclass(invoke.MockContext, object)]))"
    )
    assert found == [True, True]
