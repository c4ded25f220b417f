"""Playing a playbook on the hosts lab from its control host, and what it reported."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from orchestrator.lab.sites.lab import SitesLab

PLAYBOOKS = Path(__file__).resolve().parents[1] / "playbooks"


class PlayFailed(Exception):
    """The playbook failed; the text is what it printed."""


def play(lab: SitesLab, playbook: str, limit: str, **variables: Any) -> dict[str, Any]:
    """Play it; what it handed to set_stats, and under ``changed`` how many tasks changed something."""
    known = f"-o UserKnownHostsFile={lab.known_hosts} -o ConnectTimeout=5"
    done = lab.control(
        [
            *(str(Path(sys.executable).with_name("ansible-playbook")), str(PLAYBOOKS / playbook)),
            *("-i", str(lab.inventory / "hosts.yml"), "--limit", limit, "-e", json.dumps(variables)),
        ],
        env={
            "ANSIBLE_ROLES_PATH": str(PLAYBOOKS / "roles"),
            "ANSIBLE_SSH_ARGS": f"{known} -o ControlMaster=auto -o ControlPersist=30s",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.directory / "parts"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "ANSIBLE_NOCOLOR": "1",
        },
        check=False,
    )
    if done.returncode != 0:
        raise PlayFailed(done.stdout + done.stderr)
    _, _, told = done.stdout.partition("RUN: ")
    stats: dict[str, Any] = json.JSONDecoder().raw_decode(told)[0] if told else {}
    recap = done.stdout.partition("PLAY RECAP")[2]
    changed = sum(int(word.partition("=")[2]) for word in recap.split() if word.startswith("changed="))
    return {**stats, "changed": changed}
