"""Firmware updates of one BMC: fetch, check, keep until the next reset, apply; the version before it is kept."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection
from pathlib import Path

from orchestrator.lab.effects import now
from orchestrator.lab.sites.bmc import faults
from orchestrator.lab.sites.bmc.fetch import NotFetched, fetch
from orchestrator.lab.sites.bmc.firmware import LARGEST, BadImage, check_image
from orchestrator.lab.sites.bmc.state import Job, State, Store

RUNNING, PENDING, COMPLETED, EXCEPTION = "Running", "Pending", "Completed", "Exception"
HOST_FIRMWARE = ("bios", "nic")
"""Components whose firmware is written at the host's reset; the BMC's own at the BMC's."""
OPEN = (RUNNING, PENDING)
"""States of jobs that have not ended."""
_KEPT = 32
"""Ended jobs that are remembered."""


class Updates:
    """The jobs live in the BMC's state, so that they outlive its service."""

    def __init__(self, store: Store, ca: Path) -> None:
        self._store = store
        self._ca = ca

    def begin(self, url: str, targets: Collection[str]) -> Job:
        """Start fetching; the job is answered at once. ``targets``: components it may be for; empty: any."""
        job = Job(secrets.token_hex(4), "Firmware update", RUNNING, now(), message="the image is fetched")
        with self._store.change() as state:
            ended = [one.ident for one in state.jobs.values() if one.state not in OPEN]
            for ident in ended[: max(0, len(ended) - _KEPT)]:
                del state.jobs[ident]
            state.jobs[job.ident] = job
        threading.Thread(target=self._stage, args=(job.ident, url, frozenset(targets)), daemon=True).start()
        return job

    def apply(self, components: Collection[str]) -> None:
        """The reset: what waits for these components runs from now on, or its job fails and all stays as it was."""
        with self._store.change() as state:
            for name in components:
                firmware = state.firmware[name]
                if not firmware.staged:
                    continue
                if state.update_fault == faults.APPLY:
                    _end(state, firmware.job, f"{name} did not take version {firmware.staged}", failed=True)
                else:
                    _end(state, firmware.job, f"{name} runs version {firmware.staged}")
                    firmware.version, firmware.previous = firmware.staged, firmware.version
                firmware.staged = firmware.job = ""

    def end_orphans(self) -> None:
        """Fetching jobs of a service that is no more end as failed; those that wait for a reset go on waiting."""
        with self._store.change() as state:
            for job in state.jobs.values():
                if job.state == RUNNING:
                    _end(state, job.ident, "the service was restarted while it fetched", failed=True)

    def _stage(self, ident: str, url: str, targets: frozenset[str]) -> None:
        try:
            if self._store.read().update_fault == faults.FETCH:
                raise NotFetched("the connection was lost")
            content = fetch(url, self._ca, LARGEST)
            if self._store.read().update_fault == faults.IMAGE:
                raise BadImage("its content does not match its digest")
            image = check_image(content)
        except NotFetched as error:
            self._fail(ident, f"the image could not be fetched: {error}")
            return
        except BadImage as error:
            self._fail(ident, f"the image is not taken: {error}")
            return
        with self._store.change() as state:
            firmware = state.firmware.get(image.component)
            if firmware is None:
                _end(state, ident, f"the image is for {image.component}, which is not here", failed=True)
            elif targets and image.component not in targets:
                _end(state, ident, f"the image is for {image.component}, which was not asked for", failed=True)
            elif firmware.staged:
                _end(state, ident, f"{image.component} waits for version {firmware.staged} already", failed=True)
            else:
                firmware.staged, firmware.job = image.version, ident
                job = state.jobs[ident]
                job.state, job.percent = PENDING, 90
                job.message = f"{image.component} version {image.version} is applied at the next reset"

    def _fail(self, ident: str, why: str) -> None:
        with self._store.change() as state:
            _end(state, ident, why, failed=True)


def _end(state: State, ident: str, message: str, *, failed: bool = False) -> None:
    job = state.jobs.get(ident)
    if job is not None:
        job.state, job.failed = (EXCEPTION, True) if failed else (COMPLETED, False)
        job.message, job.ended, job.percent = message, now(), job.percent if failed else 100
