"""The program as the command line (and anybody else) uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from orchestrator.errors import Refused, UsageError
from orchestrator.journal.driver_lock import Driver, driver_of
from orchestrator.model.event import Event
from orchestrator.plain import dataclass
from orchestrator.wiring.memory import Memory
from orchestrator.wiring.settings import Settings

if TYPE_CHECKING:
    from orchestrator.documents.loading import Loaded
    from orchestrator.documents.workspace import Workspace
    from orchestrator.engine.runner import Driven
    from orchestrator.engine.state import RunState
    from orchestrator.errors import Problem
    from orchestrator.executors.fabric_connection import Connections
    from orchestrator.executors.hands import ThreadMailbox
    from orchestrator.journal.importing import ImportReport
    from orchestrator.journal.store import RunListing
    from orchestrator.journal.verify import VerifyReport
    from orchestrator.model.diagnosis import Diagnosis
    from orchestrator.model.document import Mode
    from orchestrator.model.plan import Plan
    from orchestrator.model.record import Record
    from orchestrator.wiring.driving import Asked, Bound
    from orchestrator.wiring.preparing import Prepared, Preparing


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision is in the inbox; ``driver`` is who will read it now, None where the run must be resumed first."""

    run_id: str
    number: int
    driver: Driver | None


class Holdfast:
    """Everything the program does, for one workspace and one state directory."""

    def __init__(self, settings: Settings, warn: Callable[[str], None] = lambda _text: None) -> None:
        self.settings = settings
        self.warn = warn
        self.memory = Memory(settings, warn)
        self._planning = Lock()
        self._preparing: Preparing | None = None
        self._reached: dict[str, Connections] = {}

    # -- documents -------------------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Workspace:
        """The workspace; it need not exist for commands that only read runs."""
        from orchestrator.documents.workspace import Workspace

        return Workspace(self.settings.workspace)

    def load(self, name: str, *, site: str | None = None, inventory: Path | None = None) -> Loaded:
        """A runbook or a drill with all that belongs to it. Raises UsageError, DocumentError."""
        from orchestrator.documents.loading import load

        workspace = self.workspace
        if not (workspace.root / "runbooks").is_dir():
            raise UsageError(
                f"{workspace.root} is not a workspace: it has no runbooks/",
                mend="go to one, name one with --workspace, or make one with holdfast init DIR",
            )
        try:
            return load(workspace, name, site=site, inventory=inventory)
        except UsageError:
            if not _is_drill(workspace, name):
                raise
            return load(workspace, drill=name, site=site, inventory=inventory)

    def lint(
        self, names: Sequence[str] = (), *, site: str | None = None, inventory: Path | None = None
    ) -> list[Problem]:
        """Everything wrong with the named runbooks, drills and ``signs/...``; with the whole workspace where none is
        named."""
        from orchestrator.documents.lint import lint
        from orchestrator.errors import DocumentError

        workspace = self.workspace
        chosen = list(names) or [*workspace.runbooks(), *workspace.drills(), *_signs_of(workspace)]
        found: dict[Problem, None] = {}
        for name in chosen:
            try:
                signs = _signs_named(workspace, name)
                problems: Sequence[Problem]
                if signs is None:
                    problems = lint(self.load(name, site=site, inventory=inventory))
                else:
                    from orchestrator.documents.lint.signs import lint_signs

                    problems = lint_signs(workspace, signs, site=site, inventory=inventory)
            except DocumentError as error:
                problems = error.problems
            found.update(dict.fromkeys(problems))
        return sorted(found)

    # -- looking ---------------------------------------------------------------------------------------------------

    def diagnose(
        self, target: str, *, site: str | None = None, inventory: Path | None = None, within: float | None = None
    ) -> Diagnosis:
        """Which fault class the evidence about a system, host or group bears out. Changes and records nothing.

        ``within``: seconds for all looks together. Raises UsageError, DocumentError.
        """
        from orchestrator.documents.signs import survey
        from orchestrator.wiring.diagnosing import WITHIN, diagnose

        ground = survey(self.workspace, site, inventory=inventory)
        return diagnose(ground, target, within=WITHIN if within is None else within)

    # -- runs ------------------------------------------------------------------------------------------------------

    def prepare(
        self,
        name: str,
        *,
        mode: Mode,
        inputs: Mapping[str, Any],
        site: str | None = None,
        inventory: Path | None = None,
    ) -> Prepared:
        """Load, lint and plan. Raises DocumentError for errors (not for warnings), UsageError for inputs."""
        from orchestrator.wiring.preparing import Preparing, Question

        with self._planning:
            self._preparing = self._preparing or Preparing()
        question = Question(name, mode, dict(inputs), site, inventory)
        return self._preparing.prepare(question, lambda: self.load(name, site=site, inventory=inventory))

    def reach(self, prepared: Prepared) -> bool:
        """Begin to connect to the hosts of a run that ``start`` will start at once. Waits for nothing.

        Answers whether there are any that its first step may have to wait for.
        """
        from orchestrator.wiring.reaching import reach

        with suppress(Refused):  # which ``start`` says
            _refuse_production(prepared.loaded, prepared.plan.mode)
            connections = reach(prepared.plan, prepared.loaded.inventory)
            if connections is not None:
                self._reached[prepared.plan.run_id] = connections
        return prepared.plan.run_id in self._reached

    def start(self, prepared: Prepared, asked: Asked) -> Driven:
        """Run it. Raises LockHeld, UsageError (secrets), StoreError, Refused where a drill would touch production."""
        from orchestrator.wiring.crowd import one_of_many
        from orchestrator.wiring.driving import Bound, Driving

        _refuse_production(prepared.loaded, prepared.plan.mode)
        site = prepared.loaded.site
        bound = Bound(self.workspace.root, site.inventory if site else None, prepared.plan.site)
        reached = self._reached.pop(prepared.plan.run_id, None)
        with one_of_many():
            try:
                driving = Driving(self.settings, self.memory)
                driven = driving.begin(prepared.plan, bound, asked, prepared.loaded.inventory, reached)
                self._after(driven)  # while hosts take away what was left there
            finally:
                if reached is not None:
                    reached.close()
        return driven

    def resume(self, run_id: str, asked: Asked) -> Driven:
        """Take a run up again. Raises Refused, DriverConflict, UsageError."""
        from orchestrator.wiring.driving import Driving

        driven = Driving(self.settings, self.memory).resume(run_id, asked, self._still_bound)
        self._after(driven)
        return driven

    def _still_bound(self, plan: Plan, bound: Bound) -> tuple[Bound, Sequence[str]]:
        from orchestrator.documents.digests import digests
        from orchestrator.documents.workspace import Workspace

        runbooks = [part.removeprefix("runbooks/") for part in plan.digests if part.startswith("runbooks/")]
        now = digests(
            Workspace(bound.workspace), runbooks, playbooks="playbooks/" in plan.digests, inventory=bound.inventory
        )
        parts = sorted({*now, *plan.digests})
        return bound, [part for part in parts if now.get(part) != plan.digests.get(part)]

    def _after(self, driven: Driven) -> None:
        """What follows a run that has ended. None of it can change how the run ended; all of it can be redone."""
        from orchestrator.engine.runner import Halt
        from orchestrator.wiring.closing import close_run

        if driven.halt is Halt.ENDED:
            close_run(self.settings, self.memory, driven.state, self.warn)

    def decide(self, run_id: str, verb: str, step: str = "", *, by: str, why: str = "") -> Decided:
        """Put a decision in the run's inbox. Whether it is taken, the driver judges and journals."""
        from orchestrator.wiring.clock import SystemClock

        state = self.state(run_id)
        if step and step not in state.steps:
            raise UsageError(f"run {run_id} has no step {step!r}", mend=f"it has: {', '.join(state.steps)}")
        if state.ended and not (verb == "rollback" and state.ended != "refused"):
            raise Refused(f"run {run_id} has ended ({state.ended})")
        store = self.memory.for_run(run_id)
        given = store.give(
            run_id, verb=verb, step=step, by=by, account=self.settings.account, why=why, given_at=SystemClock().wall()
        )
        return Decided(run_id, given.number, self.driver(run_id))

    # -- reading ---------------------------------------------------------------------------------------------------

    def runs(self) -> list[RunListing]:
        """All runs, newest first."""
        return self.memory.runs()

    def find(self, text: str, *, unended: bool = False) -> str:
        """The run whose id begins with ``text``; ``last`` is the newest. Raises UsageError for none or several.

        ``unended``: ``last`` is the newest that has not ended, where there is one: after a second run was refused, that
        is the one which holds the targets.
        """
        listings = self.runs()
        runs = [listing.run_id for listing in listings]
        if text == "last" and runs:
            going = [one.run_id for one in listings if one.seq > 0 and one.last_kind != "run.ended"]
            return going[0] if unended and going else runs[0]
        found = [run_id for run_id in runs if run_id.startswith(text)] if text else []
        if text in found:
            return text
        if len(found) != 1:
            what = f"{len(found)} runs begin" if found else "no run begins"
            raise UsageError(f"{what} with {text!r}", mend="holdfast status lists the runs")
        return found[0]

    def events(self, run_id: str) -> Sequence[Event]:
        """All events of a run, its chain checked."""
        return self.memory.events(run_id)

    def state(self, run_id: str) -> RunState:
        """Where a run stands."""
        from orchestrator.engine.state import RunState

        return RunState.from_events(self.events(run_id))

    def driver(self, run_id: str) -> Driver | None:
        """The live process that drives the run on this machine, or None."""
        return driver_of(self.settings.run_dir(run_id)) or driver_of(self.memory.spare_driver(run_id))

    # -- papers and evidence ---------------------------------------------------------------------------------------

    def record(self, run_id: str, zone: str = "UTC") -> Record:
        """The run's record, so far or final."""
        from orchestrator.wiring.closing import record_of

        return record_of(self.memory, run_id, zone)

    def papers(self, run_id: str, directory: Path, zone: str = "UTC") -> list[Path]:
        """Write record.json, record.en.html, record.zh.html and record.junit.xml; answers their paths."""
        from orchestrator.records.out import write_papers

        return write_papers(self.record(run_id, zone), directory)

    def bundle(self, run_id: str, directory: Path, zone: str = "UTC") -> Path:
        """Write a self-contained, signed bundle that anybody can check offline. Closes the run: see ``seal``."""
        from orchestrator.wiring.closing import bundle

        return bundle(self.settings, self.memory, run_id, directory, zone)

    def verify(self, what: str, allowed_signers: Path | None = None) -> VerifyReport:
        """Check a bundle's directory, or a run in the store. Raises EvidenceError naming the first bad record."""
        from orchestrator.journal.verify import verify_bundle, verify_store

        if Path(what).exists():
            return verify_bundle(Path(what), allowed_signers)
        run_id = self.find(what)
        return verify_store(
            self.memory.where(run_id),
            run_id,
            run_directory=self.memory.run_dir(run_id),
            allowed_signers=allowed_signers,
        )

    def metrics(self, path: Path) -> str:
        """Write the metrics of all runs as a textfile; answers a warning, or nothing."""
        from orchestrator.wiring.closing import write_metrics

        return write_metrics(self.memory, path)

    def import_store(self, path: str) -> ImportReport:
        """Bring the runs of another store (a break-glass journal) into the main one."""
        from orchestrator.journal.importing import import_runs
        from orchestrator.journal.opening import open_store

        other = open_store(path, read_only=True)
        try:
            return import_runs(other, open_store(self.settings.store))
        finally:
            other.close()

    def mailbox(self) -> ThreadMailbox:
        """Where signal handlers leave an Interrupted notice for the driver."""
        from orchestrator.executors.hands import ThreadMailbox

        return ThreadMailbox()


def _signs_of(workspace: Workspace) -> list[str]:
    return [f"signs/{file}" for file in workspace.signs()]


def _signs_named(workspace: Workspace, name: str) -> str | None:
    """The signs file that is meant: signs are named with their folder, because they are called like the fault class."""
    return workspace.find_signs(name) if name.removeprefix("./").startswith("signs/") else None


def _is_drill(workspace: Workspace, name: str) -> bool:
    try:
        workspace.find_drill(name)
    except UsageError:
        return False
    return True


def _refuse_production(loaded: Loaded, mode: Mode) -> None:
    from orchestrator.wiring.production import refuse_production

    refuse_production(loaded, mode)
