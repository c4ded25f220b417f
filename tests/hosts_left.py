"""The end of ``make hosts``: clears, and fails, where a lab of tests that have ended is still on the machine."""

from __future__ import annotations

import sys

from hosts_kit import clear_after_the_dead

from orchestrator.lab.sites import leftovers, register

if __name__ == "__main__":
    found = clear_after_the_dead()
    # A lab that nobody wrote down is nobody's practice lab.
    for key in sorted(leftovers.labs() - register.known().keys()):
        found.append(f"{key}: {leftovers.of(key)}")
        leftovers.clear(key)
    for line in found:
        print(f"was left on this machine: {line}", file=sys.stderr)
    sys.exit(1 if found else 0)
