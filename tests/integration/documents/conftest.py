"""A small workspace with the sample takeover runbook, written below tmp_path."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.workspace import Workspace

TAKEOVER = """\
runbook: postgres-standby-takeover
fault_class: shared-component
title: {en: PostgreSQL standby takeover, zh: PostgreSQL 备机接管}
system: orders
objectives: {rto: 5m, rpo: 30s}
inputs:
  cluster: {type: string, pattern: '[a-z0-9-]{1,40}'}
locks: ['cluster/{{ cluster }}']
steady_state:
  - probe: {sql: 'select 1', target: service}
steps:
  - id: lag
    title: {en: How far behind is the standby, zh: 备机延迟}
    fabric: {host: standby, argv: [pgstate, lag, --json]}
    changes: false
    timeout: 30s
    expect: {output.lag_s: {max: 30}}
  - id: fence
    title: {en: Power off the old primary, zh: 隔离原主机}
    ansible: {playbook: fence/power-off.yml, limit: old_primary}
    budget: 60s
    timeout: 3m
    verify: {probe: {tcp: 'old_primary:5432'}, expect: {open: false}}
    irreversible: the old primary is rebuilt later
  - id: promote
    title: {en: Promote the standby, zh: 提升备机}
    needs: [lag, fence]
    ansible: {playbook: takeover/promote.yml, limit: standby}
    budget: 20s
    timeout: 2m
    on_doubt: probe
    verify: {probe: {sql: 'select not pg_is_in_recovery()', target: standby}}
    undo: {ansible: {playbook: takeover/rebuild-as-standby.yml, limit: standby}}
    marks: service_restored
"""

FILES = {
    "runbooks/shared-component/takeover.yaml": TAKEOVER,
    "playbooks/fence/power-off.yml": "- hosts: all\n  tasks: []\n",
    "playbooks/takeover/promote.yml": "- hosts: all\n  tasks: []\n",
    "playbooks/takeover/rebuild-as-standby.yml": "- hosts: all\n  tasks: []\n",
    "playbooks/roles/pg/tasks/main.yml": "[]\n",
    "inventories/east/hosts.yml": """\
all:
  vars: {pg_port: 5432}
  children:
    old_primary: {hosts: {db1: {ansible_host: 10.0.0.1}}}
    standby: {hosts: {db2: {ansible_host: 10.0.0.2}}}
    service: {hosts: {vip: {ansible_host: 10.0.0.3}}}
""",
    "inventories/east/estate.yaml": """\
estate: east
contacts:
  wang: {name: Wang, reach: ['tel:1', 'mail:w@example.org'], deputy: li}
  li: {name: Li, reach: ['tel:2']}
systems:
  orders:
    title: {en: Orders, zh: 订单}
    rto: 10m
    rpo: 1m
    severity: {shared-component: 1}
    owners: [wang]
    host_groups: [old_primary, standby]
    service_level: contract-a
""",
    "inventories/east/service-levels/contract-a.yaml": """\
service_level: contract-a
title: {en: Contract A, zh: 合同甲}
targets:
  '1': {respond: 5m, on_site: 1h, resolve: 2h}
  '2': {respond: 10m, on_site: 1h, resolve: 5h}
""",
    "drills/takeover-h1.yaml": """\
drill: takeover-h1
title: {en: Takeover drill, zh: 接管演练}
type: full
runbook: shared-component/takeover.yaml
inputs: {cluster: orders}
objectives: {rto: 4m}
scenario: {en: The primary loses its backplane, zh: 主机背板故障}
participants: [wang]
""",
}


FILES["signs/primary-lost.yaml"] = """\
signs: primary-lost
fault_class: shared-component
title: {en: the primary is lost, zh: 主机故障}
systems: [orders]
start: {runbook: shared-component/takeover.yaml, inputs: {cluster: '{{ system }}'}}
looks:
  - id: primary
    title: {en: The primary takes connections, zh: 主机可以连接}
    probe: {tcp: 'old_primary:pg_port'}
  - id: standby
    title: {en: The standby says how it is, zh: 备机状态}
    fabric: {host: standby, argv: [pgstate, lag, --json], parse: json}
    expect: {output.lag_s: {max: 30}}
recognised: {all: [standby, {not: primary}]}
"""


def write(root: Path, files: dict[str, str]) -> None:
    """Write these files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with everything the sample takeover needs."""
    write(tmp_path, FILES)
    return Workspace(tmp_path)
