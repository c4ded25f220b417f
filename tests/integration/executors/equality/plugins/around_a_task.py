"""A module: what a task's own process finds around it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    mask = os.umask(0)
    os.umask(mask)
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    module.exit_json(
        umask=oct(mask),
        cwd=os.getcwd(),
        environment=dict(sorted(os.environ.items())),
        own_session=os.getsid(0) != os.getsid(os.getppid()) or os.getsid(0) != os.getpid(),
        terminal=[os.isatty(number) for number in (0, 1, 2)],
        rest_of_input=sys.stdin.read() if not os.isatty(0) else None,
        signals={name: f"{int(status[name], 16) & 0x7FFFFFFF:x}" for name in ("SigIgn", "SigBlk")},
        pipe=str(signal.getsignal(signal.SIGPIPE)),
        descriptors=sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.exists()),
    )


if __name__ == "__main__":
    main()
