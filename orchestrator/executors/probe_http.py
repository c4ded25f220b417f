"""The http probe: one request, bounded in time and size. Redirects are a sight and are not followed."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from typing import Any

from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control
from orchestrator.executors.probe_http_way import Way, way_of
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.executors.probe_socket import connect
from orchestrator.model.actions import HttpProbe
from orchestrator.model.inventory import Inventory

LARGEST = 1024 * 1024
"""Bytes of an answer that are read."""
SHOWN = 4096
"""Bytes of it in the output."""


def look_http(inventory: Inventory, probe: HttpProbe, control: Control) -> Sight:
    """Ask once. Any answer at all is a sight, whatever its status."""
    within = max(0.01, min(probe.timeout, control.remaining()))
    try:
        way = way_of(inventory, probe)
    except ExecutorError as error:
        return blind(error.message, error.mend)
    began = time.monotonic()
    try:
        status, kind, body = _ask(probe, way, within)
    except ssl.SSLCertVerificationError as error:
        return blind(
            f"the certificate of {way.address} does not hold: {error.verify_message}",
            "mend it, name the authority's file with tls_ca, or tls_verify: false",
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() - began >= within:
            return blind(f"no complete answer from {way.address}:{way.port} within {within:g} s")
        return blind(f"no answer from {way.address}:{way.port}: {str(error) or type(error).__name__}")
    # The server may send back what it was sent; this password is in no list of the run's.
    body = way.blotted(body)
    output = {
        "status": status,
        "json": _json(kind, body),
        "body": body[:SHOWN].decode("utf-8", "replace"),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    return Sight(output, body)


def _ask(probe: HttpProbe, way: Way, within: float) -> tuple[int, str, bytes]:
    wire = connect(way.address, way.port, within)
    # A second handle on the same connection: TLS takes the first one away.
    handle, late = wire.dup(), threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    # Each single read has its time limit, but a server can drip for ever: the watch ends everything.
    watch = threading.Timer(within, hang_up)
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(way.address, way.port)
    connection.sock = wire
    try:
        if way.secure:
            connection.sock = _secured(wire, way, verify=probe.tls_verify)
        body = probe.body.encode() if probe.body is not None else None
        headers = {"Connection": "close", **probe.headers, **way.headers}
        connection.request(probe.method, way.path, body, headers)
        answer = connection.getresponse()
        content = answer.read(LARGEST)
        if late.is_set():
            raise TimeoutError("the answer was cut off")
        return answer.status, answer.headers.get_content_type(), content
    finally:
        watch.cancel()
        connection.close()
        wire.close()
        handle.close()


def _secured(wire: socket.socket, way: Way, *, verify: bool) -> socket.socket:
    context = ssl.create_default_context(cafile=way.authority)
    if not verify:
        # Said so in the runbook (tls_verify: false): appliances with certificates of their own.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(wire, server_hostname=way.address)


def _json(kind: str, body: bytes) -> Any:
    if not (kind.endswith("json") or body.lstrip()[:1] in (b"{", b"[")) or len(body) >= LARGEST:
        return None
    try:
        return json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
