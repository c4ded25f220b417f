"""The program that is a site's BMCs: ``python -m orchestrator.lab.sites.bmc.service <place> --site east --lab <lab>``.

It is started in the network namespace that carries their addresses and serves them all, each with a certificate of its
own, until told to end.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from orchestrator.lab import daemon
from orchestrator.lab.sites.bmc.board import board_for
from orchestrator.lab.sites.bmc.place import Bmc, Place, load
from orchestrator.lab.sites.bmc.port import Power
from orchestrator.lab.sites.bmc.server import BmcServer, serve
from orchestrator.lab.sites.bmc.switch import HANGING


class Service:
    """Running BMC servers, by host."""

    def __init__(self, place: Place, bmcs: Sequence[Bmc], power: Power, *, hanging: float = HANGING) -> None:
        self.stop = threading.Event()
        self.servers: dict[str, BmcServer] = {}
        try:
            for bmc in bmcs:
                board = board_for(place, bmc.host, power, stop=self.stop, hanging=hanging)
                certificate, key = str(place.certificate(bmc.host)), str(place.key(bmc.host))
                self.servers[bmc.host] = BmcServer((bmc.address, bmc.port), board, certificate, key)
        except OSError:
            self._close()
            raise
        self._threads = [serve(server) for server in self.servers.values()]

    def end(self) -> None:
        """Stop serving; whoever hangs at a switch is let go."""
        self.stop.set()
        for server in self.servers.values():
            server.shutdown()
        for thread in self._threads:
            thread.join(5)
        self._close()

    def _close(self) -> None:
        for server in self.servers.values():
            server.server_close()


def main(argv: list[str] | None = None) -> int:
    """Serve until told to end; with ``--daemon`` in the background, answering once all ports are open."""
    words = argparse.ArgumentParser(prog="bmc", description="The BMCs of a site of the hosts lab.")
    words.add_argument("place", type=Path)
    words.add_argument("--site", required=True)
    words.add_argument("--lab", type=Path, required=True, help="the lab whose hosts they switch")
    daemon.add_options(words)
    given = words.parse_args(argv)
    from orchestrator.lab.sites.bmc.lab_power import LabPower

    place = load(given.place)
    daemon.become(given)
    service = Service(place, place.of_site(given.site), LabPower(given.lab))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    daemon.ready(given)
    ended.wait()
    service.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
