"""Driving a run: its journal, its locks and its hands brought together around the runner."""

from __future__ import annotations

import os
import secrets as randomness
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from orchestrator import __version__
from orchestrator.engine.jobs import JobMaker
from orchestrator.engine.ports import Journal, Observer
from orchestrator.engine.runner import Driven, Halt, Ports, Runner
from orchestrator.engine.state import RunState
from orchestrator.errors import DriverConflict, LockHeld, Refused, StoreError, UsageError
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.hands import ThreadMailbox
from orchestrator.journal.driver_lock import DriverLock
from orchestrator.journal.failover import FailoverStore
from orchestrator.journal.locks import TargetLocks, hold_targets
from orchestrator.journal.store import RunHeader, Store
from orchestrator.journal.writer import JournalWriter, StoreInbox
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind, to_iso
from orchestrator.model.inventory import Inventory
from orchestrator.model.plan import Plan, plan_from_body, plan_to_body
from orchestrator.model.redaction import Redactor
from orchestrator.plain import dataclass
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.hands import make_hands
from orchestrator.wiring.job_places import JobPlaces
from orchestrator.wiring.memory import Memory
from orchestrator.wiring.secrets import reveal
from orchestrator.wiring.settings import Settings

TOLD = "told at the start"
"""The basis of a milestone that a person gave with the command."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What of the outside a run is bound to, so that ``resume`` finds it again."""

    workspace: Path
    inventory: Path | None
    site: str


@dataclass(slots=True)
class Asked:
    """How a run is to be driven, and by whom. ``milestones`` are moments a person knows (onset, detected)."""

    by: str
    wait: bool = True
    milestones: Mapping[Milestone, datetime] = field(default_factory=dict)
    observers: Sequence[Observer] = ()
    mailbox: ThreadMailbox = field(default_factory=ThreadMailbox)
    warn: Callable[[str], None] = lambda _text: None
    take_over: bool = False
    accept_changes: bool = False
    parallel: int = 16


def new_run_id(moment: datetime) -> str:
    """A name that sorts by time, is safe in file names, and is never met twice."""
    global _second
    stem = f"{moment:%Y%m%d-%H%M%S}"
    with _naming:
        if stem != _second[0]:
            _second = (stem, set())
        # Of 300 runs begun in one second, two would get the same number once in 400 times.
        while (number := randomness.token_hex(3)) in _second[1]:
            continue
        _second[1].add(number)
    return f"{stem}-{number}"


_naming = Lock()
_second: tuple[str, set[str]] = ("", set())
"""The numbers that this process has given to runs of the second it named last."""


class Driving:
    """Begins runs and takes them up again."""

    def __init__(self, settings: Settings, memory: Memory, clock: SystemClock | None = None) -> None:
        self.settings = settings
        self.memory = memory
        self.clock = clock or SystemClock()

    def begin(
        self,
        plan: Plan,
        bound: Bound,
        asked: Asked,
        inventory: Inventory | None = None,
        connections: Connections | None = None,
    ) -> Driven:
        """Enter the run in the journal, hold its targets, and drive it. Raises LockHeld, Refused, UsageError.

        ``inventory`` is what was read from ``bound.inventory`` for this plan, where that is at hand, and
        ``connections`` were begun for it.
        """
        values = reveal(plan.secrets)
        redactor = Redactor(values.values())
        epoch = _epoch()
        now = self.clock.wall()
        header = RunHeader(plan.run_id, now, plan.runbook, str(plan.mode), plan.system, {"digest": plan.digest})
        with ExitStack() as stack:
            self._hold_driver(stack, plan.run_id, epoch, now, asked)
            store = self.memory.for_new_run()
            journal = JournalWriter.begin(store, header, self.clock, redactor, epoch)
            state = RunState(plan)
            self._enter(journal, state, plan, bound, asked)
            try:
                lock_fds = self._hold_targets(stack, store, plan, bound, now)
            except LockHeld as held:
                self._note(journal, state, EventKind.RUN_ENDED, {"status": "refused", "why": held.message})
                raise
            self._note(journal, state, EventKind.DRIVER_CLAIMED, _claim(epoch, asked.by))
            self._tell_moments(journal, state, ())
            return self._drive(
                stack, store, journal, state, bound, asked, values, redactor, lock_fds, inventory, connections
            )

    def resume(
        self, run_id: str, asked: Asked, still_bound: Callable[[Plan, Bound], tuple[Bound, Sequence[str]]]
    ) -> Driven:
        """Take up a run where its journal stands.

        ``still_bound`` answers where the bound things are now and which of them have changed since; a changed one is
        refused unless ``asked.accept_changes``, which is recorded as a breach. Raises DriverConflict, Refused.
        """
        created = self.memory.events(run_id)[0]
        plan = plan_from_body(created.body["plan"])
        values = reveal(plan.secrets)
        redactor = Redactor(values.values())
        epoch = _epoch()
        now = self.clock.wall()
        with ExitStack() as stack:
            self._hold_driver(stack, run_id, epoch, now, asked)
            store = self.memory.for_run(run_id)
            journal = JournalWriter(store, run_id, self.clock, redactor, epoch)
            before = journal.events()
            state = RunState.from_events(before)
            if state.ended and not _wakes(store, state):
                raise Refused(f"run {run_id} has ended ({state.ended})", mend=f"its record: holdfast record {run_id}")
            bound, changed = still_bound(plan, _bound_of(created.body))
            if changed and not asked.accept_changes:
                raise Refused(
                    f"changed since the run was planned: {', '.join(changed)}",
                    mend="put them back, or resume with --accept-changes, which is recorded as a breach",
                )
            lock_fds = self._hold_targets(stack, store, plan, bound, now)
            self._note(journal, state, EventKind.DRIVER_CLAIMED, _claim(epoch, asked.by))
            self._tell_moments(journal, state, before)
            del before  # a long run's events are not kept while it is driven
            if changed:
                detail = f"resumed though changed since it was planned: {', '.join(changed)}"
                self._note(journal, state, EventKind.BREACH, {"kind": "digest", "detail": detail, "by": asked.by})
            return self._drive(stack, store, journal, state, bound, asked, values, redactor, lock_fds)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _drive(
        self,
        stack: ExitStack,
        store: FailoverStore,
        journal: JournalWriter,
        state: RunState,
        bound: Bound,
        asked: Asked,
        values: Mapping[str, str],
        redactor: Redactor,
        lock_fds: tuple[int, ...],
        inventory: Inventory | None = None,
        connections: Connections | None = None,
    ) -> Driven:
        run_dir = self.memory.run_dir(state.run_id)
        places = JobPlaces(run_dir / "jobs", self.memory.spare_jobs(state.run_id), asked.warn)
        made = make_hands(
            state.plan, bound, run_dir, asked.mailbox, self.clock, redactor, asked.warn, lock_fds, inventory,
            connections,
        )  # fmt: skip
        stack.callback(made.close)
        ports = Ports(
            journal=journal,
            hands=made.hands,
            mailbox=asked.mailbox,
            inbox=StoreInbox(store, state.run_id),
            clock=self.clock,
            jobs=JobMaker(made.renderer, place=places, secrets=values, lock_fds=lock_fds),
            observers=asked.observers,
        )
        for event in journal.events() if asked.observers else ():
            for observer in asked.observers:
                observer.saw(event, state)
        runner = Runner(state, ports, epoch=journal.epoch, parallel=asked.parallel, wait_for_people=asked.wait)
        driven = runner.drive()
        self._make_sure(store, state.run_id, asked)
        if driven.halt is Halt.ENDED and state.plan.locks:
            self._let_go(store, state.run_id, asked)
        return driven

    def _make_sure(self, store: FailoverStore, run_id: str, asked: Asked) -> None:
        try:
            store.make_sure(run_id)
        except StoreError as error:
            asked.warn(f"the journal of run {run_id} cannot be read back: {error.message}")

    def _let_go(self, store: Store, run_id: str, asked: Asked) -> None:
        try:
            store.release_locks(run_id)
        except StoreError as error:
            asked.warn(f"the locks of run {run_id} could not be given back: {error.message}")

    def _enter(self, journal: Journal, state: RunState, plan: Plan, bound: Bound, asked: Asked) -> None:
        body = {
            "plan": plan_to_body(plan),
            "by": asked.by,
            "account": self.settings.account,
            "host": socket.gethostname(),
            "version": __version__,
            "workspace": str(bound.workspace),
            "inventory": str(bound.inventory) if bound.inventory else "",
            "told": {str(name): to_iso(moment) for name, moment in asked.milestones.items()},
        }
        self._note(journal, state, EventKind.RUN_CREATED, body)

    def _tell_moments(self, journal: Journal, state: RunState, before: Iterable[Event]) -> None:
        """The moments a person told at the start, each once: a driver that died at its start may have left some out.

        ``before`` are the events of earlier drivers.
        """
        created = state.created
        assert created is not None
        told = {event.body["name"] for event in before if event.body.get("basis") == TOLD}
        for name, at in sorted(created.body.get("told", {}).items(), key=lambda item: str(item[1])):
            if name not in told:
                body = {"name": name, "at": at, "source": created.body["by"], "basis": TOLD}
                self._note(journal, state, EventKind.MILESTONE, body)

    def _note(self, journal: Journal, state: RunState, kind: EventKind, body: Mapping[str, Any]) -> None:
        state.apply(journal.append(kind, body))

    def _hold_driver(self, stack: ExitStack, run_id: str, epoch: str, now: datetime, asked: Asked) -> None:
        try:
            place, spare = self.settings.run_dir(run_id), self.memory.spare_driver(run_id)
            lock = DriverLock(place, run_id, epoch, now, fallback=spare)
        except StoreError as error:
            if isinstance(error, DriverConflict) and not asked.take_over:
                raise
            # The store's primary key is the fence; this lock only tells earlier and better.
            asked.warn(f"driving without the driver lock: {error.message}")
            return
        stack.callback(lock.release)

    def _hold_targets(self, stack: ExitStack, store: Store, plan: Plan, bound: Bound, now: datetime) -> tuple[int, ...]:
        if not plan.locks:
            return ()
        # A lock's name means something within an inventory: two labs, each with its "cluster/orders", do not meet.
        scope = str((bound.inventory or bound.workspace).resolve())
        locks = TargetLocks(self.settings.state / "locks", self.memory.machine_locks(), scope)
        return stack.enter_context(hold_targets(store, locks, plan.run_id, plan.locks, now)).fds


def _wakes(store: Store, state: RunState) -> bool:
    """Whether a rollback is asked of a run that has ended without success."""
    waiting = StoreInbox(store, state.run_id).after(state.decisions_seen)
    return state.ended != "refused" and any(decision.verb == "rollback" for decision in waiting)


def _claim(epoch: str, by: str) -> dict[str, Any]:
    return {"epoch": epoch, "pid": os.getpid(), "host": socket.gethostname(), "version": __version__, "by": by}


def _epoch() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{randomness.token_hex(4)}"


def _bound_of(body: Mapping[str, Any]) -> Bound:
    if not body.get("workspace"):
        raise UsageError("the run does not say which workspace it is bound to")
    inventory = body.get("inventory")
    return Bound(Path(body["workspace"]), Path(inventory) if inventory else None, body["plan"].get("site", ""))
