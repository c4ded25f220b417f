"""``lab-break`` and ``lab-heal`` for the control host: programs with which a drill makes and takes away its own fault.

They stand in ``<lab>/bin``, which is on the PATH of commands on the control host. Each prints one JSON object.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import HoldfastError

if TYPE_CHECKING:
    from orchestrator.lab.sites.lab import SitesLab

DIRECTORY = "bin"
_VERBS = {"lab-break": "break", "lab-heal": "heal"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write(directory: Path) -> Path:
    """Write the programs for the lab in ``directory``; answers where they are."""
    place = directory / DIRECTORY
    place.mkdir(mode=0o700, exist_ok=True)
    for name, verb in _VERBS.items():
        words = [sys.executable, "-P", "-m", "orchestrator.lab.sites.drill_tools", verb, str(directory)]
        file = place / name
        file.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        file.chmod(0o700)
    return place


def environment(directory: Path) -> dict[str, str]:
    """What commands on the control host need to find them."""
    return {"PATH": f"{directory / DIRECTORY}:{_PATH}"}


def main(verb: str, where: str, fault: str, *given: str) -> int:
    """Make or take away a fault; ``given`` are its words, ``name=value``. Prints what was done."""
    from orchestrator.lab.sites.lab import SitesLab

    try:
        lab = SitesLab.open(Path(where))
        said = _break(lab, fault, given) if verb == "break" else {"fault": fault, "healed": lab.heal(fault)}
    except HoldfastError as error:
        sys.stderr.write(f"{error.message}; {error.mend}\n")
        return 1
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _break(lab: SitesLab, fault: str, given: tuple[str, ...]) -> dict[str, object]:
    words = dict(word.partition("=")[::2] for word in given)
    moment = lab.break_(fault, **words)
    at = str(moment.at)
    # A step that marks the onset takes it from here, and not from its own end, when making the fault took a while.
    return {"fault": fault, "host": moment.host, "at": at, "changed": moment.changed, "milestones": {"onset": at}}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
