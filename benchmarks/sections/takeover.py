"""A real takeover in the embedded lab: how long the customers outside could not order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.contest import WHOLE, Contest, Contestant, Failed, Measure
from benchmarks.place import CHECKOUT, Place
from benchmarks.process import Ran, ran
from benchmarks.scripts.takeover import takeover_script
from benchmarks.workspace import Command
from orchestrator.errors import LabError
from orchestrator.lab.lab import Lab
from orchestrator.lab.layout import PRIMARY, SERVICE, STANDBY
from orchestrator.lab.site import inventory

OUTAGE = Measure("outage", "outage seen from outside")
SETTLED = 30
"""Receipts that have to be there before and after: a second and more of steady orders."""


def contests(place: Place, stack: ExitStack) -> list[Contest]:
    """One contest: the shipped drill, beside a script that does the same fence, promote and redirect."""
    try:
        lab = Lab.up(place.root / "lab")
    except LabError as error:
        raise Failed(f"the lab does not come up: {error}") from error
    stack.callback(lab.down, remove=True)
    command = Command(place, CHECKOUT, place.directory("takeover-state"))
    words = ("run", "orders-takeover", "--inventory", str(lab.inventory))

    def holdfast() -> Ran:
        return ran([place.programs / "holdfast", *words], env=command.env(), cwd=place.root)

    def script() -> Ran:
        return ran(["bash", _script(place, lab)], env=place.env(), cwd=place.root)

    return [
        Contest(
            "takeover",
            "Takeover of a killed PostgreSQL primary in the lab",
            [
                Contestant(
                    "holdfast",
                    "Holdfast, the shipped drill",
                    "holdfast run orders-takeover --inventory LAB",
                    lambda: _measured(lab, holdfast),
                ),
                Contestant("script", "hand-written script", "bash takeover.sh", lambda: _measured(lab, script)),
            ],
            (OUTAGE, WHOLE),
            baseline="script",
            notes=(
                "The outage is the longest pause between two receipts of a client that posts an order each 20 ms and "
                "knows nothing of either. Both break the primary the same way and call the same power switch and the "
                "same redirection.",
                "The script verifies nothing. Holdfast also commits markers, checks the standby's lag, proves that the "
                "old primary is shut, that the standby takes writes and the service orders, counts what was lost, and "
                "writes a signed record: its whole process is longer by that, most of it before and after the outage.",
            ),
        )
    ]


def _script(place: Place, lab: Lab) -> Path:
    # Written anew each time: the lab may have moved to other ports.
    hosts = {
        name: variables
        for group in inventory(lab.layout)["all"]["children"].values()
        for name, variables in group["hosts"].items()
    }
    file = place.root / "takeover.sh"
    fault = lab.layout.bin(PRIMARY) / "lab-break"
    file.write_text(takeover_script(fault, hosts[PRIMARY], hosts[STANDBY], hosts[SERVICE]))
    return file


def _measured(lab: Lab, go: Callable[[], Ran]) -> dict[str, float]:
    lab.reset()
    _more_receipts(lab, 0)
    done = go()
    _more_receipts(lab, len(_receipts(lab)))
    return {"outage": _longest_pause(lab), "whole": done.seconds}


def _receipts(lab: Lab) -> list[str]:
    # The last line may be half written: the client goes on.
    return lab.receipts.read_text().splitlines()[:-1] if lab.receipts.exists() else []


def _more_receipts(lab: Lab, there: int) -> None:
    deadline = time.monotonic() + 30
    while len(_receipts(lab)) < there + SETTLED:
        if time.monotonic() > deadline:
            raise Failed("the client's orders are not taken")
        time.sleep(0.05)


def _longest_pause(lab: Lab) -> float:
    moments = [datetime.fromisoformat(json.loads(line)["at"]) for line in _receipts(lab)]
    return max((after - before).total_seconds() for before, after in pairwise(moments))
