"""How a host is reached: from inventory variables, which are data."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import ExecutorError
from orchestrator.executors.fabric_login import Login, SshSettings, environment_of, login_of
from orchestrator.model.inventory import Host

SETTINGS = SshSettings(known_hosts=("/known",), config=None)


def login(**variables: Any) -> Login:
    return login_of(Host("db1", variables), SETTINGS)


def test_ansibles_variables_are_honoured() -> None:
    found = login(
        ansible_host="10.0.0.1",
        ansible_port="2222",
        ansible_user="ops",
        ansible_ssh_private_key_file="/key",
        ansible_password="pw",
    )
    assert found == Login("10.0.0.1", 2222, "ops", "/key", "pw", ("/known",), ())


def test_without_variables_the_name_is_the_address() -> None:
    assert login() == Login("db1", None, None, None, None, ("/known",), ())


@pytest.mark.parametrize(
    ("variables", "files"),
    [
        ({"holdfast_known_hosts": "/a"}, ("/a",)),
        ({"ansible_ssh_known_hosts_file": "/b"}, ("/b",)),
        ({"ansible_ssh_common_args": "-o UserKnownHostsFile=/c"}, ("/c",)),
        ({"ansible_ssh_common_args": "-o 'UserKnownHostsFile /c /d'"}, ("/c", "/d")),
        ({"ansible_ssh_extra_args": "-ouserknownhostsfile=/e"}, ("/e",)),
    ],
)
def test_known_hosts_come_from_the_inventory_where_it_names_them(
    variables: dict[str, str], files: tuple[str, ...]
) -> None:
    assert login(**variables).known_hosts == files


@pytest.mark.parametrize("arguments", ["-J a@b:22,c", "-o ProxyJump=a@b:22,c", "-oProxyJump=a@b:22,c"])
def test_a_jump_is_honoured(arguments: str) -> None:
    assert login(ansible_ssh_common_args=arguments).jump == ("a@b:22", "c")


@pytest.mark.parametrize(
    "variables",
    [
        {"ansible_ssh_common_args": "-o ProxyCommand='nc %h %p'"},
        {"ansible_ssh_args": '-o "proxycommand nc"'},
        {"ansible_ssh_extra_args": "-oLocalCommand=x"},
        {"ansible_ssh_common_args": "-o KnownHostsCommand=x"},
        {"ansible_ssh_executable": "/tmp/ssh"},
        {"ansible_paramiko_proxy_command": "nc"},
    ],
)
def test_code_in_variables_is_refused_and_the_mend_said(variables: dict[str, str]) -> None:
    with pytest.raises(ExecutorError, match="is code") as caught:
        login(**variables)
    assert "ProxyJump" in caught.value.mend


@pytest.mark.parametrize(
    "variables", [{"ansible_connection": "docker"}, {"ansible_port": "x"}, {"ansible_ssh_args": "'"}]
)
def test_what_cannot_be_used_says_so(variables: dict[str, str]) -> None:
    with pytest.raises(ExecutorError):
        login(**variables)


def test_a_hosts_environment_is_a_mapping() -> None:
    assert environment_of(Host("db1", {"holdfast_environment": {"PGPORT": 5433}})) == {"PGPORT": "5433"}
    assert environment_of(Host("db1")) == {}
    with pytest.raises(ExecutorError, match="no mapping"):
        environment_of(Host("db1", {"holdfast_environment": "PATH=/x"}))
