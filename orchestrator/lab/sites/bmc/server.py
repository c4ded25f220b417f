"""The HTTPS server of one BMC: reads requests, finds their resource, writes answers. Standard library only."""

from __future__ import annotations

import socketserver
import ssl
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc import access, routes
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import Answer, Request
from orchestrator.lab.sites.bmc.messages import Denial
from orchestrator.lab.sites.bmc.root import SCHEMAS

_LARGEST_BODY = 64 * 1024
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_SAFE = ("GET", "HEAD")


class BmcServer(ThreadingHTTPServer):
    """One address, one certificate, one board; a thread a connection."""

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], board: Board, certificate: str, key: str) -> None:
        self.board = board
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificate, key)
        super().__init__(address, BmcHandler)

    def server_bind(self) -> None:
        """As the standard server does, without asking the name service who this is: in a namespace nobody answers."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[Any, Any]:
        """Accept; the TLS handshake comes in the connection's own thread, so that a silent caller blocks nobody."""
        wire, address = super().get_request()
        secured = self._context.wrap_socket(wire, server_side=True, do_handshake_on_connect=False)
        return secured, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up or does not speak TLS is none of the service's business; anything else is said."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class BmcHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: BmcServer
    protocol_version = "HTTP/1.1"
    server_version = "holdfast-lab-bmc"
    sys_version = ""
    timeout = 30
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """As the standard server does, but for any method: an unknown one is answered like the others."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif len(self.raw_requestline) > 65536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            self._answer(self._work())

    def _work(self) -> Answer:
        try:
            return self._worked()
        except Denial as denial:
            return Answer(denial.status, denial.body(), denial.headers)
        except LabError as error:
            sys.stderr.write(f"{self.server.board.host}: {self.command} {self.path}: {error}\n")
            return Answer(500, Denial(500, "InternalError", resolution=str(error)).body())
        except Exception:  # noqa: BLE001  one request's mistake must not look like a dead BMC; it is logged in full
            traceback.print_exc()
            return Answer(500, Denial(500, "InternalError").body())

    def _worked(self) -> Answer:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        if self.command not in _METHODS:
            raise Denial(501, "ActionNotSupported", self.command)
        if headers.get("odata-version", "4.0") != "4.0":
            raise Denial(412, "GeneralError", resolution="This service speaks OData version 4.0.")
        board = self.server.board
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        found = routes.find(board, path)
        open_to_all = found is not None and found[0].methods.get(self._verb(), (None, "x"))[1] == ""
        # Whoever needs no login is not refused for showing a stale token; all others hear 401 before 404.
        caller = None if open_to_all else access.caller_of(board, headers)
        if caller is None and not open_to_all:
            access.require(caller, "Login")
        if found is None:
            raise Denial(404, "ResourceMissingAtURI", path)
        route, values = found
        if (work := route.methods.get(self._verb())) is None:
            denial = Denial(405, "ActionNotSupported", self.command)
            denial.headers["Allow"] = _allow(route)
            raise denial
        access.require(caller, work[1])
        _check_query(parts.query)
        answer = work[0](board, Request(self.command, route_path(path), headers, body, caller), **values)
        return self._finished(answer, route, headers)

    def _verb(self) -> str:
        return "GET" if self.command == "HEAD" else self.command

    def _body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            self.close_connection = True
            raise Denial(411, "UnrecognizedRequestBody", resolution="Send the body with its Content-Length.")
        if int(length) > _LARGEST_BODY:
            self.close_connection = True
            raise Denial(413, "UnrecognizedRequestBody", resolution=f"At most {_LARGEST_BODY} bytes.")
        return self.rfile.read(int(length))

    def _finished(self, answer: Answer, route: routes.Route, headers: Mapping[str, str]) -> Answer:
        extra = dict(answer.headers)
        if self.command in _SAFE:
            extra["Allow"] = _allow(route)
        if answer.status in (200, 201) and isinstance(body := answer.body, dict):
            extra["ETag"] = answer.etag()
            if "@odata.id" in body:
                answer = replace(answer, body={**body, "@odata.etag": extra["ETag"]})
            if kind := str(body.get("@odata.type", "")).removeprefix("#").rpartition(".")[0]:
                extra["Link"] = f"<{SCHEMAS}/{kind}.json>; rel=describedby"
        if self.command in _SAFE and headers.get("if-none-match") == extra.get("ETag", ""):
            return Answer(304, None, extra)
        return Answer(answer.status, answer.body, extra, answer.kind)

    def _answer(self, answer: Answer) -> None:
        content = answer.content()
        self.log_request(answer.status)
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Server", self.server_version)
        self.send_header("OData-Version", "4.0")
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.body is not None:
            self.send_header("Content-Type", f"{answer.kind}; charset=utf-8")
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  http.server's name
        """What was changed or refused, and by whom: a BMC's log is evidence. Plain reads are not logged."""
        if self.command not in _SAFE or (isinstance(code, int) and code >= 400):
            sys.stderr.write(f"{self.log_date_time_string()} {self.server.board.host} {self.client_address[0]} ")
            sys.stderr.write(f"{self.command} {self.path!r} {code}\n")
            sys.stderr.flush()


def route_path(path: str) -> str:
    """The path as resources name themselves: without a slash at its end."""
    return path.rstrip("/")


def serve(server: BmcServer) -> threading.Thread:
    """Serve in a thread of its own until ``server.shutdown()``."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
    thread.start()
    return thread


def _allow(route: routes.Route) -> str:
    methods = [*route.methods, "HEAD"] if "GET" in route.methods else list(route.methods)
    return ", ".join(methods)


def _check_query(query: str) -> None:
    # DSP0266 7.3: unknown parameters are ignored, except those that begin with $.
    for part in query.split("&"):
        if unquote(part).startswith("$"):
            raise Denial(501, "QueryNotSupported")
