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
from urllib.parse import urlsplit

from orchestrator.errors import ExecutorError
from orchestrator.executors.contract import Control
from orchestrator.executors.probe_look import Sight, blind
from orchestrator.executors.probe_socket import connect
from orchestrator.executors.probe_tcp import address_of
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
        secure, address, port, path = _where(inventory, probe)
    except ExecutorError as error:
        return blind(error.message, error.mend)
    began = time.monotonic()
    try:
        status, kind, body = _ask(probe, secure, address, port, path, within)
    except ssl.SSLCertVerificationError as error:
        return blind(
            f"the certificate of {address} does not hold: {error.verify_message}", "mend it, or tls_verify: false"
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() - began >= within:
            return blind(f"no complete answer from {address}:{port} within {within:g} s")
        return blind(f"no answer from {address}:{port}: {str(error) or type(error).__name__}")
    output = {
        "status": status,
        "json": _json(kind, body),
        "body": body[:SHOWN].decode("utf-8", "replace"),
        "elapsed_s": round(time.monotonic() - began, 3),
    }
    return Sight(output, body)


def _where(inventory: Inventory, probe: HttpProbe) -> tuple[bool, str, int, str]:
    if probe.target is not None:
        host = inventory.one(probe.target)
        return False, address_of(host), host.port(probe.port or 80), probe.path
    assert probe.url is not None
    try:
        parts = urlsplit(probe.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ExecutorError(f"{probe.url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ExecutorError(f"{probe.url!r} is not an http or https URL", mend="write it like https://host:8443/health")
    if parts.username is not None or parts.password is not None:
        raise ExecutorError("a URL with a user or password in it is not taken", mend="send a header: Authorization")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme == "https", parts.hostname, port, path


def _ask(probe: HttpProbe, secure: bool, address: str, port: int, path: str, within: float) -> tuple[int, str, bytes]:
    wire = connect(address, port, within)
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
    connection = http.client.HTTPConnection(address, port)
    connection.sock = wire
    try:
        if secure:
            connection.sock = _secured(wire, address, verify=probe.tls_verify)
        body = probe.body.encode() if probe.body is not None else None
        connection.request(probe.method, path, body, {"Connection": "close", **probe.headers})
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


def _secured(wire: socket.socket, address: str, *, verify: bool) -> socket.socket:
    context = ssl.create_default_context()
    if not verify:
        # Said so in the runbook (tls_verify: false): appliances with certificates of their own.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(wire, server_hostname=address)


def _json(kind: str, body: bytes) -> Any:
    if not (kind.endswith("json") or body.lstrip()[:1] in (b"{", b"[")) or len(body) >= LARGEST:
        return None
    try:
        return json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
