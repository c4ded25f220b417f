"""The power switch of one BMC, with the faults it was told to have; behind Redfish and IPMI alike."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from orchestrator.errors import LabError
from orchestrator.lab.sites.bmc import faults
from orchestrator.lab.sites.bmc.port import Power
from orchestrator.lab.sites.bmc.state import Store, locked

RESETS = ("On", "ForceOff", "GracefulShutdown", "ForceRestart", "PowerCycle")
"""Redfish's ResetType values that the switch knows."""
HANGING = 60.0
"""Seconds until a hanging switch says that it failed."""
WATTS_ON = 180.0
"""What a running host draws. The meter is a part of its own: a switch that lies does not move it."""


class SwitchDenied(Exception):
    """The switch will not: the fault ``denied``."""


class SwitchBroken(Exception):
    """The switch did not answer in time, and did nothing: the fault ``hangs``."""


class SwitchConflict(Exception):
    """The host is off, and cannot be restarted."""


class Switch:
    """``stop``: set when the service ends, so that nobody keeps hanging."""

    def __init__(
        self,
        store: Store,
        power: Power,
        *,
        on_start: Callable[[], None] = lambda: None,
        stop: threading.Event | None = None,
        hanging: float = HANGING,
    ) -> None:
        self._store = store
        self._power = power
        self._on_start = on_start
        self._stop = stop or threading.Event()
        self._hanging = hanging
        self._host = store.read().host

    def is_on(self) -> bool:
        """What it says; the truth unless it lies. Raises LabError where the host cannot be looked at."""
        if self._store.read().power_fault == faults.LIES:
            return False
        return self.really_on()

    def really_on(self) -> bool:
        """Whether the host has power, by its processes."""
        return self._power.state(self._host) != "off"

    def watts(self) -> float:
        """What the host draws from its supplies, by the meter."""
        return WATTS_ON if self.really_on() else 0.0

    def reset(self, kind: str) -> None:
        """Do one of ``RESETS``; returns when it is done, except for the graceful one, which is only asked for.

        Raises SwitchDenied, SwitchBroken, SwitchConflict, LabError.
        """
        fault = self._store.read().power_fault
        if fault == faults.DENIED:
            raise SwitchDenied
        if fault == faults.HANGS:
            self._stop.wait(self._hanging)
            raise SwitchBroken
        if fault == faults.LIES:
            return
        if kind == "GracefulShutdown":
            # Only the button is pressed; how long the host's system takes is its own affair. Not a daemon thread:
            # the program that IPMI calls must not end before its host has.
            threading.Thread(target=self._press).start()
            return
        # IPMI's switch is another process: both take this lock, so that off and on never overlap.
        with locked(self._store.file.with_name(f".{self._host}.switch.lock")):
            was_on = self.really_on()
            if kind in ("ForceRestart", "PowerCycle") and not was_on:
                raise SwitchConflict
            if kind != "On":
                self._power.force_off(self._host)
            if kind != "ForceOff" and not (kind == "On" and was_on):
                # Firmware that waits for a reset is written while the host is down, as real ones do it.
                self._on_start()
                self._power.on(self._host)

    def _press(self) -> None:
        try:
            self._power.graceful(self._host)
        except LabError as error:
            sys.stderr.write(f"{self._host}: the button did nothing: {error}\n")
