"""BMCs on loopback for tests: the real service with a fake power behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orchestrator.lab.sites.bmc import place as places
from orchestrator.lab.sites.bmc.place import Bmc, Place
from orchestrator.lab.sites.bmc.port import PowerState
from orchestrator.lab.sites.bmc.service import Service

HOST = "db-a"


@dataclass
class FakePower:
    """Hosts that are on or off because somebody said so; every order is noted."""

    states: dict[str, PowerState] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)

    def state(self, host: str) -> PowerState:
        return self.states.get(host, "on")

    def on(self, host: str) -> None:
        self.orders.append("on")
        self.states[host] = "on"

    def force_off(self, host: str) -> None:
        self.orders.append("off")
        self.states[host] = "off"

    def graceful(self, host: str) -> None:
        self.orders.append("graceful")
        if self.state(host) == "on":
            self.states[host] = "off"


@dataclass
class Rig:
    """One BMC that serves, and what a client needs to know."""

    place: Place
    bmc: Bmc
    power: FakePower
    service: Service
    images: Path
    """The directory whose files are at ``images_url``."""
    images_url: str

    @property
    def url(self) -> str:
        return self.bmc.url

    @property
    def password(self) -> str:
        return self.place.password.read_text()

    @property
    def ca(self) -> str:
        return str(self.place.ca)


def free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


@contextmanager
def rig(directory: Path, *, hanging: float = 60.0) -> Iterator[Rig]:
    """A BMC of db-a, and a web server with firmware images beside it."""
    images = directory / "images"
    images.mkdir()
    with _web(images) as base:
        bmc = Bmc(HOST, "east", "127.0.0.1", free_port())
        place = places.make(directory / "bmc", [bmc], [f"{base}/firmware/"])
        power = FakePower()
        service = Service(place, [bmc], power, hanging=hanging)
        try:
            yield Rig(place, bmc, power, service, images, f"{base}/firmware")
        finally:
            service.end()


@contextmanager
def _web(images: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = images / self.path.rsplit("/", 1)[-1]
            content = file.read_bytes() if file.is_file() else b""
            self.send_response(200 if file.is_file() else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
