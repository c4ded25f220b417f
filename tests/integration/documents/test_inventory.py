"""The inventory: what Ansible would read, read without running anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.documents.inventory import inventory_files, load_inventory
from orchestrator.errors import DocumentError, Problem
from orchestrator.model.inventory import Inventory

NESTED = {
    "hosts.yml": """\
all:
  vars: {a: all, b: all, c: all, d: all, raw: '{{ a }}-x', flag: true, number: 1}
  hosts:
    lonely: {ansible_host: 10.0.0.9}
    db1:
  children:
    database:
      vars: {b: database, c: database, d: database}
      children:
        primary: {hosts: {db1: {d: host, deep: {x: [1, 2]}}}, vars: {c: primary}}
        standby: {hosts: {db2: , db3: }, vars: {c: standby, prio: standby}}
        a_standby: {hosts: {db2: }, vars: {prio: a_standby, ansible_group_priority: 5}}
        z_standby: {hosts: {db2: }, vars: {prio: z_standby}}
web:
  hosts: {web1: {ansible_port: 2222, nothing: ~}}
  children: {edge: {hosts: {db2: }}}
edge:
  vars: {e: inline, b: edge}
""",
    "group_vars/all.yml": "b: gv-all\ng: gv-all\n",
    "group_vars/database/one.yml": "g: one\nh: one\n",
    "group_vars/database/two": "g: two\n",
    "group_vars/database/.hidden.yml": "g: hidden\n",
    "group_vars/database/sub/three.yaml": "three: 3\n",
    "group_vars/primary.yaml": "c: gv-primary\nd: gv-primary\n",
    "group_vars/ungrouped.yml": "u: true\n",
    "group_vars/edge.yml": "e: 1.5\n",
    "group_vars/nobody.yml": "z: 1\n",
    "host_vars/db1.yml": "---\nd: hv-db1\n",
    "host_vars/db3.yml": "",
    "host_vars/web1/a.json": '{"from_json": [true, null]}',
}
FLAT = {"hosts.yaml": "all: {hosts: {b: {x: '1'}, a: }}\n"}
OVERLAP = {
    "hosts.yml": """\
all:
  children:
    left: {children: {shared: {hosts: {h1: {v: 1}}, vars: {s: shared}}}, vars: {s: left, t: left}}
    right: {children: {shared: {vars: {s2: again}}, below: {children: {shared: }}}, vars: {t: right}}
""",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def as_ansible_reads_it(inventory: Inventory, home: Path) -> tuple[dict[str, object], dict[str, set[str]]]:
    """What ansible-inventory says: variables of each host, hosts of each group."""
    program = Path(sys.executable).with_name("ansible-inventory")
    done = subprocess.run(
        [str(program), "-i", inventory.path, "--list"],
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        },
    )
    said = json.loads(done.stdout)
    hostvars = said.pop("_meta")["hostvars"]

    def members(group: str) -> set[str]:
        body = said.get(group, {})
        return set(body.get("hosts", [])).union(*(members(child) for child in body.get("children", [])))

    return hostvars, {group: members(group) for group in said if group != "all"}


@pytest.mark.parametrize("files", [NESTED, FLAT, OVERLAP], ids=["nested", "flat", "overlap"])
def test_hosts_groups_and_variables_are_ansibles(tmp_path: Path, files: dict[str, str]) -> None:
    site = tmp_path / "site"
    write(site, files)
    inventory = load_inventory(site)
    hostvars, groups = as_ansible_reads_it(inventory, tmp_path)
    assert {name: dict(host.vars) for name, host in inventory.hosts.items() if host.vars} == hostvars
    assert {group: set(hosts) for group, hosts in inventory.groups.items()} == groups


def problems(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        load_inventory(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "mend"),
    [
        ("all: {hosts: {a: {ansible_host: '{{ x }}'}}}\n", 1, 33, "ansible_host is read without", "the value itself"),
        ("all: {vars: {pg_port: '{{ x }}'}}\n", 1, 23, "pg_port is read without", "the value itself"),
        ("all: {vars: {x: !vault abc}}\n", 1, 17, "tag !vault", "secrets go by reference"),
        ("all: {vars: {x: !unsafe abc}}\n", 1, 17, "tag !unsafe", "values are data"),
        ("all: {vars: {ansible_password: hunter2}}\n", 1, 32, "the secret ansible_password", "type secret"),
        ("plugin: aws_ec2\n", 1, 1, "an inventory plugin is a program", "list the hosts"),
        ("all: {hosts: {'web[01:20]': }}\n", 1, 15, "cannot be a host's name", "write each host out"),
        ("all: {hosts: {'db1:22': }}\n", 1, 15, "cannot be a host's name", "ansible_port"),
        ("all: {hosts: {a: {'b-c': 1}}}\n", 1, 19, "cannot be a variable's name", "letters, digits"),
        ("all: {hots: {a: }}\n", 1, 7, "unknown key 'hots' in group 'all'", "did you mean 'hosts'?"),
        ("all: {hosts: [a, b]}\n", 1, 14, "must be keys with values, not a list", "key: value"),
        ("all: {hosts: {db: }}\ndb: {hosts: {a: }}\n", 1, 15, "name of a host and of a group", "rename"),
        ("a: {children: {b: {children: {a: }}}}\n", 1, 1, "groups contain each other: a -> b -> a", "circle"),
        ("- a\n", 1, 1, "an inventory is groups with hosts", "all:"),
        ("a: {vars: {ansible_group_priority: high}}\n", 1, 36, "must be a whole number", "a number"),
    ],
)
def test_what_is_not_data_is_refused_where_it_stands(
    tmp_path: Path, text: str, line: int, column: int, message: str, mend: str
) -> None:
    write(tmp_path, {"hosts.yml": text})
    found = problems(tmp_path)
    assert any((p.line, p.column) == (line, column) and message in p.message and mend in p.mend for p in found), found


def test_an_executable_inventory_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FLAT)
    (tmp_path / "hosts.yaml").chmod(0o755)
    (problem,) = problems(tmp_path)
    assert "an executable inventory is a program" in problem.message
    assert problem.mend.startswith("chmod a-x ")


@pytest.mark.parametrize("name", ["hosts", "hosts.ini", "inventory"])
def test_an_ini_inventory_is_refused_with_the_way_to_rewrite_it(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "[db]\ndb1\n"})
    for path in (tmp_path, tmp_path / name):
        (problem,) = problems(path)
        assert "ansible-inventory -i" in problem.mend and "--yaml" in problem.mend


def test_two_hosts_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {**FLAT, "hosts.yml": FLAT["hosts.yaml"]})
    assert "both hosts.yml and hosts.yaml" in problems(tmp_path)[0].message


def test_a_vars_file_ansible_would_pass_over_is_named(tmp_path: Path) -> None:
    write(tmp_path, {**FLAT, "group_vars/all.yml": "x: 1\n", "group_vars/all/more.yml": "y2: 1\n"})
    (problem,) = problems(tmp_path)
    assert "Ansible reads only all, not all.yml" in problem.message


def test_the_problems_of_all_files_come_together(tmp_path: Path) -> None:
    files = {"hosts.yml": "all: {hosts: {a: }}\n", "group_vars/all.yml": "x: no\n", "host_vars/a.yml": "- b\n"}
    write(tmp_path, files)
    assert [Path(p.file).name for p in problems(tmp_path)] == ["all.yml", "a.yml"]


def test_the_files_of_an_inventory_are_all_listed(tmp_path: Path) -> None:
    write(tmp_path, {**NESTED, "estate.yaml": "estate: x\n"})
    listed = {path.relative_to(tmp_path).as_posix() for path in inventory_files(tmp_path)}
    assert listed == set(NESTED)
