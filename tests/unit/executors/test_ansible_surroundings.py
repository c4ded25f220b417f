"""What ansible-playbook finds around it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from orchestrator.executors.ansible_surroundings import additions, environment
from orchestrator.model.inventory import Host


def surroundings() -> dict[str, str]:
    return environment(Path("/w"), Path("/w/playbooks"), Path("/jobs/j/private"), Path("/run/cp"))


def general(sockets: Path) -> str:
    return str(additions([], sockets)["all"]["vars"]["holdfast_ssh_args"])


def test_a_cut_link_is_noticed_and_host_keys_are_checked_for_every_connection() -> None:
    given = general(Path("/run/cp"))
    for option in ("ServerAliveInterval=2", "ServerAliveCountMax=2", "StrictHostKeyChecking=yes", "ControlPersist=60s"):
        assert option in given
    assert surroundings()["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_ssh_shares_no_connections_where_their_path_would_be_too_long() -> None:
    given = general(Path("/" + "x" * 90))
    assert "ControlMaster=no" in given and "ControlPersist" not in given


def test_the_settings_of_the_person_at_the_keyboard_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/home/me/ansible.cfg")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    env = surroundings()
    assert env["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert env["ANSIBLE_CONFIG"] == "/jobs/j/private/ansible.cfg"
    assert "planted" not in env.values()


def test_the_agent_of_the_person_at_the_keyboard_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    assert surroundings()["SSH_AUTH_SOCK"] == "/run/agent"


def test_what_ansible_writes_lies_in_the_jobs_directory() -> None:
    env = surroundings()
    assert env["ANSIBLE_HOME"].startswith("/jobs/j/") and env["ANSIBLE_LOCAL_TEMP"].startswith("/jobs/j/")
    assert env["ANSIBLE_LOG_PATH"] == "/dev/null" and env["ANSIBLE_NO_TARGET_SYSLOG"] == "True"


def test_an_executable_inventory_is_not_run() -> None:
    assert "script" not in surroundings()["ANSIBLE_INVENTORY_ENABLED"]


def test_our_ssh_options_come_before_the_inventorys_own() -> None:
    host = Host("a", {"ansible_ssh_args": "-o StrictHostKeyChecking=no", "holdfast_known_hosts": "/w/known hosts"})
    given = additions([host], Path("/run/cp"))["all"]["hosts"]["a"]["holdfast_ssh_args"]
    words = shlex.split(given)
    assert words.index("StrictHostKeyChecking=yes") < words.index("StrictHostKeyChecking=no")
    assert "ServerAliveInterval=2" in words and "UserKnownHostsFile=/w/known hosts" in words


def test_a_local_host_uses_the_python_of_this_program_unless_it_names_one() -> None:
    local = Host("a", {"ansible_connection": "local"})
    named = Host("b", {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"})
    given = additions([local, named], Path("/run/cp"))
    assert given["all"]["hosts"] == {"a": {"ansible_python_interpreter": sys.executable}}


def test_other_connections_are_left_alone() -> None:
    assert additions([Host("w", {"ansible_connection": "winrm"})], Path("/run/cp"))["all"]["hosts"] == {}
