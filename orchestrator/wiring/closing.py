"""What follows a run: its seal, its papers, its metrics. All of it is derived from the journal and can be redone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine import rollback
from orchestrator.engine.state import RunState
from orchestrator.errors import HoldfastError, Refused
from orchestrator.executors.jobdir import sweep
from orchestrator.journal.sealing import seal_run
from orchestrator.journal.signing import load_or_make_key
from orchestrator.journal.store import Seal
from orchestrator.journal.writer import check_chain, read_events
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.memory import Memory
from orchestrator.wiring.settings import Settings

if TYPE_CHECKING:
    from orchestrator.model.record import Record


def close_run(settings: Settings, memory: Memory, state: RunState, warn: Callable[[str], None]) -> None:
    """After a run has ended as ``state`` says: seal it if nothing more can come, and shred what its jobs left behind.

    Never raises: the recovery is over, and its papers can be made again.
    """
    run_id = state.run_id
    problems: list[str] = []
    try:
        store = memory.of_driver(run_id)
        if _may_still_roll_back(state):
            check_chain(store, run_id)  # what was written is read back and checked here too, as sealing does
        else:
            seal_run(store, run_id, load_or_make_key(settings.state / "keys"))
    except (HoldfastError, OSError) as error:
        problems.append(str(error))
    for directory in memory.run_dirs(run_id):
        try:
            sweep(directory)
        except OSError as error:
            problems.append(str(error))
    if problems:
        warn(f"run {run_id} has ended, but was not closed properly: {'; '.join(problems)}")


def _may_still_roll_back(state: RunState) -> bool:
    final = state.ended in ("rolled_back", "refused") or (state.ended == "succeeded" and state.plan.purpose != "change")
    return not final and bool(rollback.begin(state, "", "").order)


def seal(settings: Settings, memory: Memory, run_id: str) -> Seal:
    """Sign the journal's closing. Raises Refused for a run that has not ended; done once."""
    store = memory.for_run(run_id)
    kept = store.seal_of(run_id)
    if kept is not None:
        return kept
    state = RunState.from_events(read_events(store, run_id))
    if not state.ended:
        raise Refused(
            f"run {run_id} has not ended: it cannot be sealed",
            mend=f"bring it to its end (holdfast resume {run_id}), or end it (holdfast abort {run_id})",
        )
    return seal_run(store, run_id, load_or_make_key(settings.state / "keys"))


def record_of(memory: Memory, run_id: str, zone: str = "UTC") -> Record:
    """The run's record, so far or final."""
    from orchestrator.records.build import build

    store = memory.where(run_id)
    head, sealed = store.head(run_id), store.seal_of(run_id)
    return build(
        read_events(store, run_id),
        generated_at=SystemClock().wall(),
        zone=zone,
        chain_head=head.hash if head else "",
        signer=sealed.key if sealed else "",
    )


def bundle(settings: Settings, memory: Memory, run_id: str, directory: Path, zone: str = "UTC") -> Path:
    """Seal the run and write its bundle to ``directory``. Raises Refused for a run that has not ended."""
    from orchestrator.journal.bundle import write_bundle
    from orchestrator.records.out import texts

    seal(settings, memory, run_id)
    return write_bundle(
        memory.for_run(run_id),
        run_id,
        directory,
        key=load_or_make_key(settings.state / "keys"),
        run_directory=memory.run_dir(run_id),
        extra={name: text.encode() for name, text in texts(record_of(memory, run_id, zone)).items()},
    )


def write_metrics(memory: Memory, path: Path) -> str:
    """Write the textfile for all runs; answers a warning, or nothing."""
    from orchestrator import __version__
    from orchestrator.metrics.textfile import publish

    records = []
    problems: list[str] = []
    for listing in memory.runs():
        if listing.seq == 0:
            continue  # never began
        try:
            records.append(record_of(memory, listing.run_id))
        except (HoldfastError, ValueError) as error:
            problems.append(f"{listing.run_id}: {error}")
    warning = publish(path, records, version=__version__)
    return "; ".join([*problems, *([warning] if warning else [])])
