"""What ipmi_sim calls for its chassis commands: ``... get power`` or ``... set power 0``, ``set reset 1`` and so on.

It prints ``power:1`` for each thing asked, and ends with 1 where the switch will not. The same switch as Redfish's,
with the same faults.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc.place import load
from orchestrator.lab.sites.bmc.switch import Switch, SwitchBroken, SwitchConflict, SwitchDenied
from orchestrator.lab.sites.bmc.updates import HOST_FIRMWARE, Updates

_ORDERS = {
    ("power", "0"): "ForceOff",
    ("power", "1"): "On",
    ("reset", "1"): "ForceRestart",
    ("shutdown", "1"): "GracefulShutdown",
}


def act(switch: Switch, verb: str, words: list[str]) -> str:
    """Do what ipmi_sim asks; answers what to print. Raises LabError and what the switch raises."""
    if verb == "get":
        return "".join(f"{name}:{int(switch.is_on()) if name == 'power' else 0}\n" for name in words)
    for name, value in zip(words[::2], words[1::2], strict=True):
        if (name, value) in _ORDERS:
            switch.reset(_ORDERS[name, value])
        elif name != "identify":
            raise LabError(f"the chassis has no {name} to set to {value}")
    return ""


def main(argv: list[str] | None = None) -> int:
    """One command of ipmi_sim's."""
    words = argparse.ArgumentParser(prog="ipmi_power", description="Chassis control for ipmi_sim.")
    words.add_argument("place", type=Path)
    words.add_argument("host")
    words.add_argument("--lab", type=Path, required=True)
    words.add_argument("verb", choices=("get", "set", "check"))
    words.add_argument("words", nargs="*")
    given = words.parse_args(argv)
    from orchestrator.lab.sites.bmc.lab_power import LabPower

    place = load(given.place)
    store = place.store(given.host)
    updates = Updates(store, place.ca)
    switch = Switch(store, LabPower(given.lab), on_start=lambda: updates.apply(HOST_FIRMWARE))
    try:
        sys.stdout.write("" if given.verb == "check" else act(switch, given.verb, given.words))
    except (LabError, SwitchDenied, SwitchBroken, SwitchConflict, ValueError) as error:
        sys.stderr.write(
            f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {given.verb} {given.words}: {error!r}\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
