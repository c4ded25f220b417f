"""The lab as a site: the Ansible inventory, the estate and the service level that go with it. Pure, as data.

It is written as JSON, which every YAML reader reads; only the documents room knows YAML.
"""

from __future__ import annotations

import json
from typing import Any

from orchestrator.lab.layout import DATABASES, DESK, GROUPS, MEMBER, SERVICE, VAULT, Layout
from orchestrator.lab.settings import ADMIN, BACKUP, DATABASE, REPLICATOR


def inventory(layout: Layout) -> dict[str, Any]:
    """hosts.yml: every host is local, and says by its variables where its parts are."""
    hosts = {name: _database(layout, name) for name in DATABASES}
    hosts[VAULT] = {
        **_any_host(layout, VAULT),
        "backup_dir": str(layout.backups),
        "wal_dir": str(layout.wal),
        "backup_user": BACKUP,
        "pg_bin": str(layout.bin(VAULT)),
        "pg_passfile": str(layout.passfile(VAULT)),
    }
    hosts[SERVICE] = {
        **_any_host(layout, SERVICE),
        "service_port": layout.ports[SERVICE],
        "service_file": str(layout.service_file),
        "service_redirect_argv": [layout.python, "-P", "-m", "orchestrator.lab.redirect", str(layout.root)],
        "service_queries_file": str(layout.root / "order_queries.sql"),
    }
    return {
        "all": {
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": layout.python,
                "ansible_remote_tmp": str(layout.root / "ansible"),
                "lab_dir": str(layout.root),
                "receipts_file": str(layout.receipts),
            },
            "children": {
                **{group: {"hosts": {host: hosts[host]}} for group, host in GROUPS.items()},
                "power_switch": {"hosts": {DESK: _desk(layout)}},
            },
        }
    }


def _any_host(layout: Layout, name: str) -> dict[str, Any]:
    switch = [layout.python, "-P", "-m", "orchestrator.lab.power", str(layout.root)]
    return {
        "ansible_host": "127.0.0.1",
        "power_off_argv": [*switch, "off", name],
        "power_on_argv": [*switch, "on", name],
        "power_status_argv": [*switch, "status", name],
        "holdfast_environment": _path(layout, name),
    }


def _desk(layout: Layout) -> dict[str, Any]:
    return {"ansible_host": "127.0.0.1", "holdfast_environment": _path(layout, DESK)}


def _path(layout: Layout, name: str) -> dict[str, str]:
    return {"PATH": f"{layout.bin(name)}:/usr/local/bin:/usr/bin:/bin"}


def _database(layout: Layout, name: str) -> dict[str, Any]:
    common = _any_host(layout, name)
    # What an account that looks after a server finds in its environment when it logs in there.
    environment = {
        **common["holdfast_environment"],
        "PGHOST": "127.0.0.1",
        "PGPORT": str(layout.ports[name]),
        "PGUSER": ADMIN,
        "PGDATABASE": DATABASE,
        "PGPASSFILE": str(layout.passfile(name)),
    }
    return {
        **common,
        "holdfast_environment": environment,
        "pg_host": "127.0.0.1",
        "pg_port": layout.ports[name],
        "pg_user": ADMIN,
        "pg_database": DATABASE,
        "pg_passfile": str(layout.passfile(name)),
        "pg_bin": str(layout.bin(name)),
        "pg_conf_dir": str(layout.settings(name)),
        "pg_log": str(layout.host(name) / "log/postgres.log"),
        "data_dir": str(layout.data(name)),
        "replication_user": REPLICATOR,
        "replication_name": MEMBER[name],
        "backup_dir": str(layout.backups),
    }


def estate() -> dict[str, Any]:
    """estate.yaml: the order system, what it was promised, and who looks after it."""
    return {
        "estate": "lab",
        "title": {"en": "Embedded lab", "zh": "内置演练环境"},
        "contacts": {
            "li-wei": {"name": "Li Wei", "reach": ["phone 555-0101", "li.wei@example.org"], "deputy": "anna-berg"},
            "anna-berg": {
                "name": "Anna Berg",
                "reach": ["phone 555-0102", "anna.berg@example.org"],
                "deputy": "li-wei",
            },
            "chen-jun": {
                "name": "Chen Jun",
                "reach": ["phone 555-0103", "chen.jun@example.org"],
                "deputy": "anna-berg",
            },
        },
        "systems": {
            "orders": {
                "title": {"en": "Order service", "zh": "订单服务"},
                "rto": "60s",
                "rpo": "5s",
                "severity": {"shared-component": 1, "redundant-component": 1},
                "owners": ["li-wei", "anna-berg"],
                "declarers": ["li-wei", "anna-berg", "chen-jun"],
                "host_groups": ["old_primary", "service", "standby"],
                "service_level": "contract-a",
                "production": False,
            },
            # Losing both servers is another promise than losing one of them.
            "orders-from-backup": {
                "title": {"en": "Order data restored from backup", "zh": "订单数据（由备份恢复）"},
                "rto": "10m",
                "rpo": "60s",
                "owners": ["li-wei", "anna-berg"],
                "host_groups": ["primary", "repository", "restore_target"],
                "service_level": "contract-a",
                "production": False,
            },
        },
    }


def service_level() -> dict[str, Any]:
    """The contract the order system is under; the same as inventories/service-levels/contract-a.yaml."""
    return {
        "service_level": "contract-a",
        "title": {"en": "Contract A", "zh": "合同甲"},
        "targets": {
            "1": {"respond": "5m", "on_site": "1h", "resolve": "2h"},
            "2": {"respond": "10m", "on_site": "1h", "resolve": "5h"},
            "3": {"respond": "10m", "on_site": "4h", "resolve": "8h"},
        },
        "spare_part": {"on_site": "4h", "resolve": "6h"},
        "report_within_working_days": 5,
        "report_for": [1, 2],
    }


def write(layout: Layout) -> None:
    """Write the site's directory, as the ports are now."""
    levels = layout.inventory / "service-levels"
    levels.mkdir(exist_ok=True)
    texts = {
        layout.inventory / "hosts.yml": inventory(layout),
        layout.inventory / "estate.yaml": estate(),
        levels / "contract-a.yaml": service_level(),
    }
    for file, body in texts.items():
        head = "# Written by the lab each time it begins; changes are lost.\n"
        file.write_text(head + json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        file.chmod(0o600)
