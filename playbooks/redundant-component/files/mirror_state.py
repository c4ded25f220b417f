"""The members of a btrfs mirror and the disks that could take a member's place, as one JSON object. Changes nothing.

Called with the mount point, and the spares that the inventory names.
"""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

STAT = re.compile(r"\[(.+)\]\.\w+_errs\s+(\d+)")
MEMBER = re.compile(r"\s*devid\s+(\d+)\s+size\s+(\d+)\s+.*?(?:path\s+(\S+))?(\s+MISSING)?\s*$")


def said(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def size_of(device):
    """Bytes, or 0 where it is no block device that answers."""
    try:
        if not stat.S_ISBLK(Path(device).stat().st_mode):
            return 0
        return int(said("/usr/sbin/blockdev", "--getsize64", device))
    except (OSError, subprocess.CalledProcessError):
        return 0


def main(mount, *spares):
    errors = {}
    for line in said("/usr/bin/btrfs", "device", "stats", mount).splitlines():
        name, count = STAT.match(line).groups()
        errors[name] = errors.get(name, 0) + int(count)
    members = []
    for line in said("/usr/bin/btrfs", "filesystem", "show", "--raw", mount).splitlines():
        if found := MEMBER.match(line):
            device = found[3] or ""
            # Its counters stand under another name where a device is gone altogether.
            missing = bool(found[4]) or device not in errors
            members.append(
                {
                    "devid": int(found[1]),
                    "size": int(found[2]),
                    "device": device,
                    "errors": errors.get(device, 0),
                    "sound": not missing and errors[device] == 0 and size_of(device) >= int(found[2]),
                }
            )
    used = {member["device"] for member in members}
    wanted = max(member["size"] for member in members)
    fit = [spare for spare in spares if spare not in used and size_of(spare) >= wanted]
    sys.stdout.write(json.dumps({"members": members, "spares": fit, "size": wanted}))


main(*sys.argv[1:])
