"""The tcp and http probes against real sockets."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from executors_kit import Counting, Reins, inventory_of, shut_port

from orchestrator.executors.probe import ProbeExecutor
from orchestrator.model.inventory import Host
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.wiring.clock import SystemClock

Look = Callable[..., Outcome]


@pytest.fixture
def look(make_job: Callable[..., Job]) -> Look:
    def do(probe: dict[str, Any], host: Host | None = None, reins: Reins | None = None, **more: Any) -> Outcome:
        executor = ProbeExecutor(inventory_of(host or Host("db"), pair=("db", "db")), SystemClock())
        return executor.run(make_job("probe", probe, **more), reins or Reins())

    return do


class Pages(http.server.BaseHTTPRequestHandler):
    """What the test wants served, and what was asked."""

    asked: list[tuple[str, str, bytes]]
    answer: tuple[int, dict[str, str], bytes]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).asked.append((self.command, self.path, body))
        status, headers, content = type(self).answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def pages() -> Iterator[tuple[int, type[Pages]]]:
    handler = type("ThesePages", (Pages,), {"asked": [], "answer": (200, {}, b"")})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port, handler
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def talker(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does what it likes with one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = listener.accept()
                    with wire, contextlib.suppress(OSError):
                        talk(wire)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_an_open_port_is_open_and_a_closed_one_is_a_sight_too(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        host = Host("db", {"ansible_host": "127.0.0.1", "pg_port": port})
        assert look({"tcp": "db:pg_port"}, host).output == {"open": True, "looked": 1}
        assert look({"tcp": f"127.0.0.1:{port}"}).ok
        assert look({"tcp": f"localhost:{port}"}).ok
    closed = look({"tcp": "db:pg_port"}, host, expect={"open": False})
    assert closed.ok
    assert closed.output["open"] is False and "refused" in closed.output["error"]
    assert look({"tcp": "db:pg_port"}, host).ending is Ending.FAILED


def test_a_name_nobody_knows_is_no_evidence_of_a_closed_port(look: Look) -> None:
    outcome = look({"tcp": "no-such-host.invalid:5432"}, expect={"open": False}, timeout=10)
    assert outcome.ending is Ending.FAILED
    assert "no-such-host.invalid" in outcome.error
    assert "open" not in outcome.output


@pytest.mark.parametrize("address", ["db", "db:", ":5432", "db:0", "db:70000", "db:no_such_variable", "pair:80"])
def test_an_address_that_is_none_fails_with_the_mend(look: Look, address: str) -> None:
    outcome = look({"tcp": address})
    assert outcome.ending is Ending.FAILED
    assert outcome.error and outcome.mend


def test_a_port_that_opens_later_is_seen_when_it_opens(look: Look) -> None:
    with shut_port() as held:
        reins = Counting(3, held.listen)
        outcome = look({"tcp": f"127.0.0.1:{held.getsockname()[1]}"}, None, reins, within=30.0, every=0.05)
    assert outcome.ok and outcome.output["looked"] == 4, "the first look at the open port is the last one"


def test_status_json_body_and_time_are_the_output(look: Look, pages: Any) -> None:
    port, handler = pages
    handler.answer = (200, {"Content-Type": "application/json"}, b'{"ready": true, "lag": 1.5}')
    host = Host("db", {"ansible_host": "127.0.0.1", "web_port": port})
    spec = {"target": "db", "port": "web_port", "path": "/health?x=1", "method": "POST", "body": "ping"}
    outcome = look({"http": spec}, host, expect={"json.ready": True, "status": 200})
    assert outcome.ok
    assert outcome.output["json"] == {"ready": True, "lag": 1.5}
    assert outcome.output["body"] == '{"ready": true, "lag": 1.5}'
    assert 0 <= outcome.output["elapsed_s"] < 5
    assert handler.asked == [("POST", "/health?x=1", b"ping")]


def test_without_an_expectation_a_status_from_400_fails(look: Look, pages: Any) -> None:
    port, handler = pages
    handler.answer = (503, {}, b"down")
    outcome = look({"http": f"http://127.0.0.1:{port}/"})
    assert outcome.ending is Ending.FAILED
    assert outcome.output["status"] == 503 and "status: wanted below 400" in outcome.error
    assert look({"http": f"http://127.0.0.1:{port}/"}, expect={"status": 503}).ok


def test_a_redirect_is_seen_and_not_followed(look: Look, pages: Any) -> None:
    port, handler = pages
    handler.answer = (302, {"Location": f"http://127.0.0.1:{port}/elsewhere"}, b"")
    assert look({"http": f"http://127.0.0.1:{port}/"}).output["status"] == 302
    assert [path for _, path, _ in handler.asked] == ["/"]


def test_a_large_body_is_cut(look: Look, pages: Any) -> None:
    port, handler = pages
    handler.answer = (200, {}, b"x" * 5_000_000)
    outcome = look({"http": f"http://127.0.0.1:{port}/"})
    assert outcome.output["body"] == "x" * 4096


def test_a_server_that_drips_is_given_up_in_time(look: Look) -> None:
    def drip(wire: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
            wire.sendall(bytes([byte]))
            time.sleep(0.1)

    with talker(drip) as port:
        began = time.monotonic()
        outcome = look({"http": {"url": f"http://127.0.0.1:{port}/", "timeout": "1s"}})
        assert time.monotonic() - began < 60, "it would drip for ten minutes"
    assert outcome.ending is Ending.FAILED
    assert "no complete answer" in outcome.error


def test_a_server_that_says_nothing_is_given_up_in_time(look: Look) -> None:
    with talker(lambda wire: wire.recv(1) and time.sleep(2)) as port:
        outcome = look({"http": {"url": f"http://127.0.0.1:{port}/", "timeout": "500ms"}})
    assert outcome.ending is Ending.FAILED


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "http://", "http://user:pw@h/", "http://h:99999/", "nonsense"]
)
def test_a_url_that_is_none_of_ours_fails(look: Look, url: str) -> None:
    outcome = look({"http": url})
    assert outcome.ending is Ending.FAILED and outcome.error


def test_a_header_cannot_carry_another_header(look: Look, pages: Any) -> None:
    port, handler = pages
    outcome = look({"http": {"url": f"http://127.0.0.1:{port}/", "headers": {"X": "a\r\nEvil: b"}}})
    assert outcome.ending is Ending.FAILED
    assert handler.asked == []


def test_a_certificate_nobody_vouches_for_is_refused_unless_told(look: Look, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(wire: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(wire, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with talker(serve) as port:
        refused = look({"http": f"https://localhost:{port}/"})
        assert refused.ending is Ending.FAILED
        assert "certificate" in refused.error
        assert look({"http": {"url": f"https://localhost:{port}/", "tls_verify": False}}).output["status"] == 204
