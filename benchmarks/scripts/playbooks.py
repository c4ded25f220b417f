"""Ansible's files: one playbook of all tasks, one playbook a task, and a configuration that is good at many tasks."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.effects import argv, command

CONFIG = """[defaults]
host_key_checking = True
interpreter_python = auto_silent
forks = 20
[ssh_connection]
pipelining = True
control_path_dir = {sockets}
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o StrictHostKeyChecking=yes
"""
"""Ansible's own documentation advises pipelining and persistent connections."""


def task(module: str, effects: Path, number: int) -> dict[str, object]:
    """One task: ``command`` runs a Python module on the host, ``raw`` only a line."""
    if module == "raw":
        return {"name": f"step {number}", "ansible.builtin.raw": command(effects, number)}
    return {"name": f"step {number}", "ansible.builtin.command": {"argv": argv(effects, number)}}


def play(module: str, effects: Path, *numbers: int) -> str:
    """A playbook with these steps; JSON is YAML too."""
    tasks = [task(module, effects, number) for number in numbers]
    return json.dumps([{"hosts": "targets", "gather_facts": False, "tasks": tasks}], indent=1)
