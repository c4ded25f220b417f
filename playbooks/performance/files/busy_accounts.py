"""Which accounts keep this host busy: one JSON list, the busiest first. Looks for a second; standard library only."""

import json
import os
import pwd
import sys
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
LOOKS = 5
"""How often in the second it looks who waits for a disk."""


def look():
    """Owner, processor seconds and bytes written of each process."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                written = dict(line.split(": ") for line in (process / "io").read_text().splitlines())["write_bytes"]
                key = (process.name, fields[19])
                found[key] = (process.stat().st_uid, (int(fields[11]) + int(fields[12])) / TICKS, int(written))
            except (OSError, KeyError):
                continue  # it has ended meanwhile, or is the kernel's own
    return found


def disk_waiters():
    """How many threads of each owner wait for a disk (state D): who asks much of a slow disk writes little."""
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                states = [
                    (task / "stat").read_text().rpartition(")")[2].split()[0] for task in (process / "task").iterdir()
                ]
                owner = process.stat().st_uid
            except OSError:
                continue  # it has ended meanwhile
            found[owner] = found.get(owner, 0) + states.count("D")
    return found


def name(number):
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


before, began = look(), time.monotonic()
waits = {}
for _ in range(LOOKS):
    time.sleep(1 / LOOKS)
    for owner, number in disk_waiters().items():
        waits[name(owner)] = waits.get(name(owner), 0) + number / LOOKS
after, seconds = look(), time.monotonic() - began
accounts = {}
for key in before.keys() & after.keys():
    one = accounts.setdefault(name(after[key][0]), {"processes": 0, "cpu_percent": 0.0, "written_mb_s": 0.0})
    one["processes"] += 1
    one["cpu_percent"] += 100 * (after[key][1] - before[key][1]) / seconds
    one["written_mb_s"] += (after[key][2] - before[key][2]) / seconds / 2**20
total = sum(one["cpu_percent"] for one in accounts.values())
for account, one in accounts.items():
    one["disk_waiters"] = waits.get(account, 0.0)
    # Of what this host gets: a host that others leave little may be full all the same.
    one["cpu_share"] = 100 * one["cpu_percent"] / total if total else 0.0
rows = [{"account": account, **{k: round(v, 1) for k, v in one.items()}} for account, one in accounts.items()]
rows.sort(key=lambda one: -max(one["cpu_share"], 10 * one["written_mb_s"], 5 * one["disk_waiters"]))
sys.stdout.write(json.dumps(rows) + "\n")
