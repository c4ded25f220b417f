"""The order service: ``python -m orchestrator.lab.order_service``. Standard library only.

::

    POST /orders        commit one order; 201 {"number", "at"} only after the commit was acknowledged, else 503
    GET  /healthz       200 where the database answers and may be written to, else 503
    GET  /orders/count  {"count", "last_number"}
    GET  /orders/check  what order_queries.sql finds

Where the database is stands in service.json, read again at every connection. SIGHUP drops the connection, also one that
hangs, so that a redirected service answers from the new database at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

from orchestrator.lab import daemon
from orchestrator.lab.effects import now
from orchestrator.lab.order_database import DatabaseGone, DatabaseRefused, OrderDatabase

QUERIES = Path(__file__).with_name("order_queries.sql")
ANSWER_WITHIN = 2.0
"""Seconds a request may take; after that the caller gets 503, and its order was not acknowledged."""
_LARGEST_BODY = 64 * 1024


class OrderServer(ThreadingHTTPServer):
    """The HTTP server; one thread a connection, one database connection for all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, database: OrderDatabase) -> None:
        self.database = database
        self.queries = QUERIES.read_text()
        super().__init__((address, port), OrderHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is none of the service's business; anything else is said."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class OrderHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: OrderServer
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Look."""
        known: dict[str, Callable[[], dict[str, Any]]] = {
            "/healthz": self._health,
            "/orders/count": self._count,
            "/orders/check": self._check,
        }
        look = known.get(self.path)
        if look is None:
            self._answer(404, {"error": f"there is no {self.path}", "known": sorted([*known, "/orders"])})
        else:
            self._guarded(200, look)

    def do_POST(self) -> None:
        """Commit an order."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._answer(413, {"error": f"at most {_LARGEST_BODY} bytes"})
            return
        body = self.rfile.read(int(length))
        if self.path == "/orders":
            self._guarded(201, lambda: self._order(body))
        else:
            self._answer(404, {"error": f"nothing can be posted to {self.path}", "known": ["/orders"]})

    def _order(self, body: bytes) -> dict[str, Any]:
        try:
            order = json.loads(body) if body.strip() else {}
            customer, lines = order.get("customer", "walk-in"), order.get("lines", [100])
        except (ValueError, AttributeError) as error:
            raise DatabaseRefused(f"not an order: {error}") from error
        if not isinstance(customer, str) or not isinstance(lines, list):
            raise DatabaseRefused('an order is {"customer": text, "lines": [cents, ...]}')
        return {"number": self.server.database.place(customer, lines), "at": now()}

    def _health(self) -> dict[str, Any]:
        if not self.server.database.writable():
            raise DatabaseGone("the database is a standby: it takes no orders")
        target = self.server.database.target
        return {"ok": True, "database": f"{target.host}:{target.port}" if target else ""}

    def _count(self) -> dict[str, Any]:
        count, last = self.server.database.count()
        return {"count": count, "last_number": last}

    def _check(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.server.database.run_file(self.server.queries))
        return found

    def _guarded(self, status: int, work: Callable[[], dict[str, Any]]) -> None:
        try:
            self._answer(status, work())
        except DatabaseGone as error:
            self._answer(503, {"error": str(error)})
        except DatabaseRefused as error:
            # 25006: read only. A redirected service may be a moment early.
            down = str(error).startswith(("25006", "57P"))
            self._answer(503 if down else 422, {"error": str(error)})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} {self.responses[status][0] if status in self.responses else ''}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        head += "Connection: close\r\n\r\n" if self.close_connection else "\r\n"
        # One write: head and body in two packets cost a delayed acknowledgement.
        self.wfile.write(head.encode() + data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        """No line a request."""


def main(argv: list[str] | None = None) -> int:
    """Serve until told to end; with ``--daemon`` in the background, answering once the port is open."""
    words = argparse.ArgumentParser(prog="order_service", description="The lab's order service.")
    words.add_argument("--port", type=int, required=True)
    words.add_argument(
        "--listen", default="127.0.0.1", help="address to listen on; more than loopback: in a lab host only"
    )
    words.add_argument("--psql", required=True, help="path of psql")
    words.add_argument("--target", type=Path, required=True, help="service.json: where the database is")
    words.add_argument("--seconds", type=float, default=ANSWER_WITHIN, help="longest time a request may take")
    daemon.add_options(words)
    given = words.parse_args(argv)
    database = OrderDatabase(given.psql, given.target, given.seconds)
    try:
        server = OrderServer(given.listen, given.port, database)
    except OSError as error:
        sys.stderr.write(f"port {given.port}: {error.strerror}\n")
        return 98 if error.errno == 98 else 1
    daemon.become(given)

    def redirected(_number: int, _frame: FrameType | None) -> None:
        database.cut()

    def ended(_number: int, _frame: FrameType | None) -> None:
        database.cut()
        os._exit(0)

    signal.signal(signal.SIGHUP, redirected)
    signal.signal(signal.SIGTERM, ended)
    daemon.ready(given)
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever(poll_interval=0.5)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
