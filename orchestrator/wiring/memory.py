"""The journal's store as a run needs it: the main one, or the break-glass one from the moment the main one fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import RLock

from orchestrator.errors import EvidenceError, StoreError, UsageError
from orchestrator.journal.break_glass import candidates, find_place
from orchestrator.journal.failover import FailoverStore
from orchestrator.journal.importing import break_glass_stores, bring_back, import_run, store_that_has
from orchestrator.journal.opening import open_store
from orchestrator.journal.store import RunListing, Store
from orchestrator.journal.writer import read_events
from orchestrator.model.event import Event
from orchestrator.wiring.settings import Settings

Warn = Callable[[str], None]


class Memory:
    """Opens stores late and once. ``warn`` is told when the journal has to go on somewhere else."""

    def __init__(self, settings: Settings, warn: Warn = lambda _text: None) -> None:
        self._settings = settings
        self._warn = warn
        self._driving: FailoverStore | None = None
        self._reading: list[Store] | None = None
        self._opening = RLock()

    # -- for a driver ----------------------------------------------------------------------------------------------

    def for_new_run(self) -> FailoverStore:
        """The main store, failing over when it cannot be used."""
        with self._opening:
            if self._driving is None:
                self._driving = FailoverStore(self._settings.store, self._warn)
                self._bring_back(self._driving)
            return self._driving

    def of_driver(self, run_id: str) -> FailoverStore:
        """The store in which this process has just driven the run. Raises UsageError for no such run."""
        with self._opening:
            if self._driving is not None and self._driving.knows(run_id):
                return self._driving
        return self.for_run(run_id)

    def _bring_back(self, store: FailoverStore) -> None:
        """What was journaled in an emergency comes home before anything follows it. Never stops a recovery."""
        if store.failed_over:
            return
        try:
            report = bring_back(store)
        except (StoreError, EvidenceError) as error:
            self._warn(f"a break-glass journal could not be brought back: {error}")
            return
        for run_id, count in report.added.items():
            self._warn(f"run {run_id}: {count} records were brought back from a break-glass journal")
        for warning in report.warnings:
            self._warn(warning)

    def for_run(self, run_id: str) -> FailoverStore:
        """The store in which the run has gone furthest, failing over from there. Raises UsageError for no such run."""
        if self._driving is not None and self._driving.failed_over and self._driving.run(run_id) is not None:
            return self._driving
        found = self.where(run_id)
        if self._driving is None or self._driving.address != found.address:
            self._driving = FailoverStore(found.address, self._warn)
        if self._driving.failed_over and self._driving.run(run_id) is None:
            # It can be read where it is, and not be written: what there is of the run goes along.
            warnings: list[str] = []
            import_run(found, self._driving, run_id, warnings)
            for text in warnings:
                self._warn(text)
        return self._driving

    # -- for a reader ----------------------------------------------------------------------------------------------

    def stores(self) -> Sequence[Store]:
        """The main store (where it can be opened) and every break-glass one on this machine, to read."""
        with self._opening:
            if self._reading is None:
                found: list[Store] = []
                if "://" in self._settings.store or Path(self._settings.store).exists():
                    try:
                        found.append(open_store(self._settings.store, read_only=True))
                    except StoreError as error:
                        self._warn(f"the journal {self._settings.store} cannot be read: {error.message}")
                known = {store.address for store in found}
                found.extend(store for store in break_glass_stores() if store.address not in known)
                self._reading = found
            return self._reading

    def where(self, run_id: str) -> Store:
        """The store in which the run has gone furthest. Raises UsageError where no store has it, or nothing of it."""
        stores = self.stores()
        found = store_that_has(run_id, stores[0], stores[1:]) if stores else None
        if found is None or found.run(run_id) is None:
            raise UsageError(f"there is no run {run_id}", mend="holdfast status lists the runs")
        if found.head(run_id) is None:
            raise UsageError(
                f"run {run_id} never began: its driver died before the first record, and nothing was done",
                mend="start it anew",
            )
        return found

    def events(self, run_id: str) -> Sequence[Event]:
        """All events of a run, its chain checked."""
        return read_events(self.where(run_id), run_id)

    def runs(self) -> list[RunListing]:
        """All runs of all stores, newest first; a run in two stores counts where it has gone furthest."""
        best: dict[str, RunListing] = {}
        for store in self.stores():
            try:
                for listing in store.runs():
                    if listing.run_id not in best or best[listing.run_id].seq < listing.seq:
                        best[listing.run_id] = listing
            except StoreError as error:
                self._warn(f"the journal {store.address} cannot be read: {error.message}")
        return sorted(best.values(), key=lambda listing: (listing.created_at, listing.run_id), reverse=True)

    def close(self) -> None:
        """Let go of all stores."""
        for store in [*(self._reading or []), *([self._driving] if self._driving else [])]:
            store.close()
        self._reading = self._driving = None

    # -- places beside the store -----------------------------------------------------------------------------------

    def run_dir(self, run_id: str) -> Path:
        """The run's own directory: where it is already, else where it can be made (break-glass when it must)."""
        usual = self._settings.run_dir(run_id)
        spare = [place / "runs" / run_id for place in candidates(os.environ)]
        for directory in (usual, *spare):
            if (directory / "jobs").is_dir():
                return directory
        for directory in self._new_places(run_id):
            try:
                (directory / "jobs").mkdir(mode=0o700, parents=True, exist_ok=True)
                (directory / "outputs").mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                self._warn(f"{directory} cannot be made ({error.strerror}); looking for another place")
                continue
            directory.chmod(0o700)
            return directory
        raise UsageError(f"no place for the files of run {run_id}", mend="set HOLDFAST_BREAK_GLASS to a directory")

    def _new_places(self, run_id: str) -> Iterator[Path]:
        yield self._settings.run_dir(run_id)
        # Looked for only where the usual one will not do: it costs as much as a step.
        yield find_place(os.environ).directory / "runs" / run_id

    def spare_jobs(self, run_id: str) -> list[Path]:
        """Where jobs are begun when the run's own directory cannot be written any more, the best place first."""
        return [place / "runs" / run_id / "jobs" for place in candidates(os.environ)]

    def run_dirs(self, run_id: str) -> list[Path]:
        """Every directory of the run that there is."""
        wanted = [self._settings.run_dir(run_id), *(jobs.parent for jobs in self.spare_jobs(run_id))]
        return [directory for directory in dict.fromkeys(wanted) if directory.is_dir()]

    def machine_locks(self) -> Path:
        """Where lock files lie that all state directories of this account on this machine share."""
        return _machine_place() / "locks"

    def spare_driver(self, run_id: str) -> Path:
        """Where a run's driver lock goes when the state directory cannot be written."""
        return _machine_place() / f"driver-{run_id}"


def _machine_place() -> Path:
    # The same for everybody of this account, whatever the shell's environment says.
    return next(iter(candidates({"TMPDIR": "/tmp"})))  # noqa: S108 - private directory below, checked
