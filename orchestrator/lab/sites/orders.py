"""The order service on the application hosts: the embedded lab's own, with the service address for its database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator.lab import daemon, effects, order_database, order_service, processes
from orchestrator.lab.settings import DATABASE, ORDERS, passfile
from orchestrator.lab.sites import roots, tools
from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.postgres import PORT as DATABASE_PORT
from orchestrator.lab.sites.topology import DATABASE_ADDRESS

ACTIVE, RESERVE = "app-a", "app-w"
"""Where the service runs, and where it can be started when its site is lost."""
APPS = (ACTIVE, RESERVE)
PORT = 8080
_HOME = Path("usr/local/lib/holdfast-orders")
_SETTINGS = Path("etc/holdfast")
_BASELINE = Path("var/lib/holdfast/latency-baseline.json")
_PACKAGE = Path(order_service.__file__).parents[2]
_NEEDED = (
    "orchestrator/__init__.py",
    "orchestrator/errors.py",
    "orchestrator/plain.py",
    "orchestrator/lab/__init__.py",
    *(
        str(Path(str(module.__file__)).relative_to(_PACKAGE))
        for module in (daemon, effects, order_database, order_service, processes)
    ),
    "orchestrator/lab/order_queries.sql",
)
"""What the service is made of; all of it needs nothing but Python's standard library."""


def target() -> str:
    """orders.json: where the service finds its database."""
    body = {
        "host": DATABASE_ADDRESS,
        "port": DATABASE_PORT,
        "user": ORDERS,
        "database": DATABASE,
        "passfile": f"/{_SETTINGS}/orders.pgpass",
    }
    return json.dumps(body, indent=2) + "\n"


def install(host: LabHost, passwords: Mapping[str, str]) -> None:
    """Put the service on a host. On the active one it starts with the host, on the reserve when somebody says so."""
    for name in _NEEDED:
        copied = host.root / _HOME / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_PACKAGE / name, copied)
    settings = host.root / _SETTINGS
    settings.mkdir(exist_ok=True)
    roots.write(host.root, f"{_SETTINGS}/orders.json", target(), 0o644)
    roots.write(host.root, f"{_SETTINGS}/orders.pgpass", passfile(passwords, (ORDERS,)), 0o600)
    host.run(["chown", "ops:ops", f"/{_SETTINGS}/orders.pgpass"])
    tools.install(host, ["hf-orders", "hf-address", "hf-latency"])
    if host.name == ACTIVE:
        (settings / "orders-at-boot").touch()
    host.write_boot("orders", ["/usr/local/sbin/hf-orders", "boot"])


def keep_baseline(lab: Path, hosts: Mapping[str, LabHost]) -> None:
    """What an order takes while all is well, where hf-latency finds it: measured once in a lab's life."""
    kept = lab / "parts" / _BASELINE.name
    if not kept.exists():
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        argv = ["/usr/local/sbin/hf-latency", "keep"]
        # An order may fail on a machine that is busy with making the lab; a second one that does is a fault.
        if hosts[ACTIVE].run(argv, check=False).returncode != 0:
            hosts[ACTIVE].run(argv)
        shutil.copyfile(hosts[ACTIVE].root / _BASELINE, kept)
    for name in APPS:
        (hosts[name].root / _BASELINE).parent.mkdir(parents=True, exist_ok=True)
        roots.write(hosts[name].root, str(_BASELINE), kept.read_text(), 0o644)


def says(host: LabHost) -> str:
    """For people: how the service on this host is."""
    if host.state != "on":
        return "its host is off or frozen"
    said = json.loads(host.run(["/usr/local/sbin/hf-orders", "status"]).stdout)
    answer = said.get("says") or {}
    if answer.get("ok"):
        return f"takes orders on {answer.get('database')}"
    return f"takes no orders: {answer.get('error', 'no answer')}" if said["running"] else "does not run"
