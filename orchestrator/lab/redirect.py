"""Points the order service to another database: ``python -m orchestrator.lab.redirect <lab> <host> [<port>]``.

Without a port, the host is one of the lab's, or a group of the inventory.

Writes service.json, tells the service (SIGHUP), and waits until the service itself says that it takes orders there. One
JSON object on stdout: ``database``, ``changed``, ``healthy``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab import effects, processes
from orchestrator.lab.hosts import private
from orchestrator.lab.layout import DATABASES, GROUPS, SERVICE, Layout, load
from orchestrator.lab.settings import DATABASE, ORDERS


def point(layout: Layout, host: str, port: int) -> bool:
    """Write where the service's database is; answers whether that is news."""
    body = {
        "host": host,
        "port": port,
        "user": ORDERS,
        "database": DATABASE,
        "passfile": str(layout.passfile(SERVICE)),
    }
    text = json.dumps(body, indent=2) + "\n"
    file = layout.service_file
    if file.exists() and file.read_text() == text:
        return False
    fresh = file.with_name(file.name + ".new")
    private(layout, fresh, text)
    fresh.replace(file)
    return True


def redirect(layout: Layout, host: str, port: int, seconds: float) -> dict[str, Any]:
    """Point the service to the database and wait at most ``seconds`` for it to take orders. Raises LabError.

    With ``seconds`` 0 it is not waited for: the database may come later.
    """
    wanted = f"{host}:{port}"
    changed = point(layout, host, port)
    service = processes.recall(layout.service_record)
    if service is None:
        raise LabError("the order service does not run", mend="start the lab anew: holdfast lab reset")
    if changed:
        processes.send(service, signal.SIGHUP)
        effects.record(layout.effects, "redirect", SERVICE)
    deadline = time.monotonic() + seconds
    said = health(layout)
    while said.get("database") != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
        said = health(layout)
    healthy = said.get("database") == wanted
    if seconds and not healthy:
        raise LabError(
            f"the order service takes no orders on {wanted}: {said.get('error', said)}", mend="see the database's log"
        )
    return {"database": wanted, "changed": changed, "healthy": healthy}


def server(layout: Layout, name: str) -> tuple[str, int]:
    """Where a host's database server listens; ``name`` may be a group. Raises LabError where it has none."""
    host = GROUPS.get(name, name)
    if host not in DATABASES:
        raise LabError(f"the lab has no database server {name!r}", mend=f"its servers: {', '.join(DATABASES)}")
    return "127.0.0.1", layout.ports[host]


def health(layout: Layout) -> dict[str, Any]:
    """What the service says of itself; ``error`` where it does not answer."""
    connection = http.client.HTTPConnection("127.0.0.1", layout.ports[SERVICE], timeout=3)
    try:
        connection.request("GET", "/healthz")
        body: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"error": str(error) or type(error).__name__}
    finally:
        connection.close()
    return body


def main(argv: list[str] | None = None) -> int:
    """Redirect the service."""
    words = argparse.ArgumentParser(prog="redirect", description="Point the lab's order service to a database.")
    words.add_argument("lab", type=Path)
    words.add_argument("host")
    words.add_argument("port", type=int, nargs="?")
    words.add_argument("--seconds", type=float, default=60.0, help="how long it may take; 0: do not wait")
    given = words.parse_args(argv)
    try:
        layout = load(given.lab)
        host, port = (given.host, given.port) if given.port is not None else server(layout, given.host)
        said = redirect(layout, host, port, given.seconds)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
