"""Logging in to the hosts, as the operator and as the product do."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from desk_kit import COMMAND, furnished
from hosts_kit import ssh

from orchestrator.lab.sites.lab import SitesLab


def test_the_operator_logs_in_everywhere_with_pinned_keys_and_may_become_root(bare: SitesLab) -> None:
    with ThreadPoolExecutor(4) as together:
        answers = {name: together.submit(ssh, bare, name, "hostname && sudo -n id -un") for name in bare.hosts}
    for name, answer in answers.items():
        assert answer.result().stdout.split() == [name, "root"], answer.result().stderr


def test_root_logs_in_by_key(bare: SitesLab) -> None:
    assert ssh(bare, "router", "id", "-un", user="root").stdout == "root\n"


def test_a_host_with_another_key_than_the_pinned_one_is_refused(bare: SitesLab, tmp_path: Path) -> None:
    pinned = bare.known_hosts.read_text().splitlines()
    key_of = {line.split(",")[0]: line.split(" ", 1)[1] for line in pinned}
    others = tmp_path / "known_hosts"
    others.write_text(f"db-a,{bare.host('db-a').address} {key_of['db-b']}\n")
    answer = ssh(bare, "db-a", "true", known_hosts=others)
    assert answer.returncode == 255
    assert "Host key verification failed" in answer.stderr


def test_a_host_that_nobody_pinned_is_refused(bare: SitesLab, tmp_path: Path) -> None:
    nothing = tmp_path / "known_hosts"
    nothing.write_text("")
    assert "Host key verification failed" in ssh(bare, "db-a", "true", known_hosts=nothing).stderr


_GREETING = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 22), 3) as link:
        link.settimeout(3)
        print(link.recv(64)[:4].decode("latin-1"))
except OSError:
    print("nobody")
"""


def test_only_who_is_in_the_labs_network_reaches_its_hosts(bare: SitesLab) -> None:
    # This machine's own network may lead anywhere (a gateway may answer for all addresses), but to no sshd of ours.
    argv = [sys.executable, "-c", _GREETING, bare.host("db-a").address]
    assert bare.control(argv).stdout == "SSH-\n"
    assert "SSH-" not in subprocess.run(argv, capture_output=True, text=True, check=True).stdout


RUNBOOK = """\
runbook: who-is-there
fault_class: shared-component
title: {en: Who is there, zh: 有谁}
objectives: {rto: 5m}
steps:
  - id: fabric
    fabric: {host: db-a, argv: [hostname]}
    changes: false
    timeout: 30s
    expect: {output.stdout: {matches: 'db-a'}}
  - id: ansible
    ansible: {playbook: who.yml, limit: databases}
    changes: false
    timeout: 60s
    budget: 30s
    marks: service_restored
"""
PLAYBOOK = """\
- hosts: databases
  gather_facts: false
  tasks:
    - ansible.builtin.command: id -un
      register: who
      changed_when: false
    - ansible.builtin.assert: {that: who.stdout == 'root'}
"""


def test_the_product_reaches_the_hosts_from_the_control_host_with_fabric_and_ansible(
    bare: SitesLab, tmp_path: Path
) -> None:
    desk = furnished(tmp_path)
    desk.write("runbooks/who-is-there.yaml", RUNBOOK)
    desk.write("playbooks/who.yml", PLAYBOOK)
    argv = [str(COMMAND), "run", "who-is-there", "--mode", "drill", "--inventory", str(bare.inventory), "--json"]
    answer = bare.control(argv, env=desk.env(), cwd=desk.root, check=False)
    assert json.loads(answer.stdout.splitlines()[-1])["status"] == "succeeded", answer.stdout + answer.stderr
