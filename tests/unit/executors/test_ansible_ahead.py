"""Which connections are begun ahead for Ansible, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.executors.ansible_ahead import command
from orchestrator.model.inventory import Host

SOCKETS = Path("/home/op/.ansible/cp-holdfast")


def words(sockets: Path = SOCKETS, **vars_: Any) -> tuple[str, ...] | None:
    return command(Host("db-a", vars_), sockets)


def test_it_is_the_connection_that_ansible_would_open() -> None:
    given = words(
        ansible_host="192.0.2.7", ansible_port=2222, ansible_user="op", ansible_ssh_private_key_file="/keys/op",
        ansible_ssh_common_args="-o ProxyJump=bastion", holdfast_known_hosts="/keys/known",
        ansible_become=True, postgres_port=5432,
    )  # fmt: skip
    assert given is not None
    for option in ("Port=2222", 'User="op"', 'IdentityFile="/keys/op"', "ProxyJump=bastion", "ControlPersist=60s"):
        assert given[given.index(option) - 1] == "-o"
    assert {"StrictHostKeyChecking=yes", "UserKnownHostsFile=/keys/known", "BatchMode=yes"} <= set(given)
    assert given[-2:] == ("192.0.2.7", "true")


def test_a_host_of_which_only_the_name_is_known_is_connected_to_by_its_name() -> None:
    given = words()
    assert given is not None and given[-2:] == ("db-a", "true")
    assert not any(word.startswith(("Port=", "User=", "IdentityFile=")) for word in given)


@pytest.mark.parametrize(
    "vars_",
    [
        {"ansible_connection": "local"},
        {"ansible_connection": "community.docker.docker"},
        {"ansible_password": "secret"},
        {"ansible_ssh_pass": "secret"},
        {"ansible_ssh_user": "op"},
        {"ansible_control_path": "/tmp/mine"},
        {"ansible_ssh_executable": "/opt/ssh"},
        {"ansible_network_os": "ios"},
        {"ansible_shell_type": "powershell"},
        {"ansible_host": "{{ address }}"},
        {"ansible_host": "{% if true %}192.0.2.7{% endif %}"},
        {"ansible_ssh_common_args": "-o ControlPath=/tmp/mine"},
        {"ansible_ssh_args": "-oControlPath=/tmp/mine"},
        {"ansible_ssh_args": "-o 'ProxyCommand=nc"},
        {"ansible_ssh_common_args": "it's open"},
        {"ansible_host": "-oProxyCommand=true"},
        {"ansible_user": 'op" -o "ProxyCommand=true'},
    ],
)
def test_where_ansible_may_connect_otherwise_it_is_left_to_it(vars_: dict[str, Any]) -> None:
    assert words(**vars_) is None


def test_where_connections_are_not_shared_none_is_begun() -> None:
    assert words(Path("/" + "x" * 90)) is None
