"""IPMI over LAN beside Redfish: Debian's ``ipmi_sim`` on the BMC's address, its power commands on the same switch.

RMCP+ with cipher suite 3 (SHA-1, AES-128), which is the best this simulator speaks; so ipmitool needs ``-C 3``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import processes
from orchestrator.lab.sites.bmc.certificates import private
from orchestrator.lab.sites.bmc.place import IPMI_USER, Bmc, Place

PROGRAM = "ipmi_sim"
PORT = 623
_READY = 5.0
_EMULATION = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def directory_of(place: Place, host: str) -> Path:
    """Where a host's ipmi_sim works."""
    return place.root / f"ipmi-{host}"


def record_of(place: Place, host: str) -> Path:
    """Where its process is written down."""
    return directory_of(place, host) / "process.json"


def lay(place: Place, bmc: Bmc, chassis: list[str], port: int = PORT) -> None:
    """Write its configuration (0600: the password is in it). ``chassis``: the command that switches (ipmi_power)."""
    directory = directory_of(place, bmc.host)
    (directory / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    password = place.ipmi_password.read_text()
    settings = f"""name "{bmc.host}"
set_working_mc 0x20
  startlan 1
    addr {bmc.address} {port}
    priv_limit admin
    allowed_auths_operator md5
    allowed_auths_admin md5
    guid {os.urandom(16).hex()}
  endlan
  chassis_control "./power"
  user 2 true "{IPMI_USER}" "{password}" admin 10 md5
"""
    private(directory / "lan.conf", settings.encode())
    private(directory / "start.emu", _EMULATION.encode())
    stub = directory / "power"
    # ipmi_sim hands one line to a shell; a stub in its own directory keeps paths out of that line.
    private(stub, f'#!/bin/sh\nexec {shlex.join(chassis)} "$@"\n'.encode())
    stub.chmod(0o700)


def start(place: Place, host: str, argv_in: list[str]) -> None:
    """Start it, unless it runs; ``argv_in`` is put before its own words (``nsenter ...``). Raises LabError."""
    record = record_of(place, host)
    if processes.recall(record) is not None:
        return
    program = shutil.which(PROGRAM)
    if program is None:
        raise LabError(f"{PROGRAM} is not on this machine", mend="apt-get install openipmi")
    directory = directory_of(place, host)
    words = [program, "-c", "lan.conf", "-f", "start.emu", "-s", "state", "-n"]
    with (directory / "log").open("ab") as log:
        # Its output goes to a file and its end is seen through the record: nobody waits for this child.
        started = subprocess.Popen(
            [*argv_in, *words], cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + _READY
    while not _listens(started.pid):
        if started.poll() is not None or time.monotonic() > deadline:
            started.kill()
            started.wait()
            raise LabError(f"{PROGRAM} does not start: {(directory / 'log').read_text()[-500:]}")
        time.sleep(0.02)
    processes.remember(record, started.pid)
    # Not ours to bury: it outlives this program.
    started.returncode = 0


def chassis_command(place: Place, host: str, lab: Path) -> list[str]:
    """The command that switches the hosts lab's power for IPMI."""
    module = "orchestrator.lab.sites.bmc.ipmi_power"
    return [sys.executable, "-P", "-m", module, str(place.root), host, "--lab", str(lab)]


def _listens(pid: int) -> bool:
    """Whether the process has its UDP port: seen in its own network namespace."""
    try:
        lines = Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]
        sockets = {f"socket:[{line.split()[9]}]" for line in lines}
        return any(str(link.readlink()) in sockets for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
