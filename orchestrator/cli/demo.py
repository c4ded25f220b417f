"""The demo: a real takeover and a real restore on the embedded lab, their records, and a forgery that is refused."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli import place, shipped
from orchestrator.cli.demo_archive import busy_archive
from orchestrator.cli.drive import drive
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.forgery import forge
from orchestrator.cli.outcome import Result
from orchestrator.cli.streams import say, warn
from orchestrator.errors import EvidenceError, HoldfastError, UsageError
from orchestrator.lab.lab import Lab, take_down
from orchestrator.model.document import Mode
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    from orchestrator.wiring.app import Holdfast

TAKEOVER, RESTORE = "drills/orders-takeover.yaml", "drills/orders-restore.yaml"
MARK = ".holdfast-demo"
"""The file that says: this directory was made by the demo, and may be made anew."""
_OURS = ("takeover", "restore", "forged", "state")


@dataclass(slots=True)
class Held:
    """What the demo found; ``doubts`` is empty where everything held."""

    takeover: Result | None = None
    restore: Result | None = None
    customer_s: float | None = None
    """The longest pause between two receipts of the customer outside."""
    refused: str = ""
    doubts: list[str] = field(default_factory=list)


def demo(out: Path, *, keep: bool, synchronous: bool) -> int:
    """Run it; answers the exit code. The lab is taken down whatever happens, unless it is kept."""
    begun = time.monotonic()
    _prepare(out)
    place.CHOSEN.workspace = str(shipped.root())
    place.CHOSEN.state = place.CHOSEN.state or str(out / "state")
    program = place.app()
    held = Held()
    with _ended_by_signals(), _lab(out / "lab", keep=keep, synchronous=synchronous) as lab:
        code = _show(program, lab, out, held, synchronous=synchronous)
    if code is not None:
        return code
    from orchestrator.cli.demo_summary import summary

    for line in summary(held, out, time.monotonic() - begun, place.CHOSEN.state):
        say(line)
    return ExitCode.DONE if not held.doubts else ExitCode.FAILED


def _prepare(out: Path) -> None:
    """An empty directory of our own. Raises UsageError where it holds other things."""
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already, and is not from an earlier demo", mend="name another with --out DIR")
    take_down(out / "lab", remove=True)
    for name in _OURS:
        shutil.rmtree(out / name, ignore_errors=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / MARK).write_text("Made by holdfast demo, which may remove what it made here.\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}", mend="name another with --out DIR") from error


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo through its clean-up."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _lab(where: Path, *, keep: bool, synchronous: bool) -> Iterator[Lab]:
    say("1/5  A PostgreSQL primary, a hot standby, a backup vault and an order service come up ...")
    try:
        begun = time.monotonic()
        lab = Lab.up(where, synchronous=synchronous)
        commits = "each commit waits for the standby" if synchronous else "commits do not wait for the standby"
        say(f"     up in {time.monotonic() - begun:.1f}s; a customer posts about 50 orders a second; {commits}")
        yield lab
    finally:
        if keep and (where / "lab.json").exists():
            say(f"the lab is left up: holdfast lab status --lab {where.absolute()}")
            say(f"             end it: holdfast lab down --remove --lab {where.absolute()}")
        else:
            ended = take_down(where, remove=True)
            say(f"The lab is down: {ended} processes ended, nothing of it runs any more.")


def _show(program: Holdfast, lab: Lab, out: Path, held: Held, *, synchronous: bool) -> int | None:
    """All of it on a lab that is up. Answers an exit code where it was interrupted."""
    say("2/5  The primary is killed for real, and the standby takes over:")
    held.takeover = _drill(program, TAKEOVER, lab)
    if _left(held.takeover):
        return _give_up(program, held.takeover)
    _judge(held, "the takeover", held.takeover)
    if synchronous and any(loss.lost_transactions for loss in held.takeover.measured.losses):
        held.doubts.append("transactions were lost though commits waited for the standby")
    held.customer_s = longest_pause(lab.receipts)

    say("3/5  Everything is put back, then the backup is restored into a third instance and checked:")
    lab.reset(synchronous=synchronous)
    with busy_archive(lab):
        held.restore = _drill(program, RESTORE, lab)
    if _left(held.restore):
        return _give_up(program, held.restore)
    _judge(held, "the restore", held.restore)

    say("4/5  Both records are signed and checked, as an auditor would, from the bundle alone:")
    for name, result in (("takeover", held.takeover), ("restore", held.restore)):
        program.bundle(str(result.summary["run_id"]), out / name)
        report = program.verify(str(out / name))
        say(f"     holds: {out / name}, {report.records} events, {report.outputs} outputs")
    say("5/5  A copy in which the outage was made to look shorter is checked too:")
    _forgery(program, out, held)
    return None


def _drill(program: Holdfast, name: str, lab: Lab) -> Result:
    prepared = program.prepare(name, mode=Mode.DRILL, inputs={}, inventory=lab.inventory)
    say()
    result = drive(
        program,
        lambda asked: program.start(prepared, asked),
        run_id=prepared.plan.run_id,
        wait=False,
        as_json=False,
    )
    say()
    return result


def _left(result: Result) -> bool:
    return result.code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED, ExitCode.HUNG_UP)


def _give_up(program: Holdfast, result: Result) -> int:
    """Let nothing of an interrupted demo run on: a practice run may be stopped halfway."""
    from orchestrator.wiring.driving import Asked

    run_id = str(result.summary["run_id"])
    try:
        program.decide(run_id, "abort", by=program.settings.by, why="the demo was interrupted")
        program.resume(run_id, Asked(by=program.settings.by, wait=False))
    except HoldfastError as error:
        warn(f"warning: run {run_id} could not be ended: {error.message}")
    else:
        say("It is only the demo: what still ran was stopped.")
    return int(result.code)


def _judge(held: Held, what: str, result: Result) -> None:
    if result.code is not ExitCode.DONE:
        held.doubts.append(f"{what} ended with code {int(result.code)}: {result.summary['status']}")


def _forgery(program: Holdfast, out: Path, held: Held) -> None:
    number = forge(out / "takeover", out / "forged")
    try:
        program.verify(str(out / "forged"))
    except EvidenceError as error:
        held.refused = error.first_bad
        say(f"     refused: {error.first_bad} {error.message.partition(error.first_bad)[2].strip()}")
        if error.first_bad != f"record {number}":
            held.doubts.append(f"record {number} was forged, but {error.first_bad} was named")
    else:
        held.doubts.append("a forged record was taken for a good one")


def longest_pause(receipts: Path) -> float | None:
    """The longest pause between two receipts, in seconds, by the customer's own clock; None where there are not two."""
    import json

    from orchestrator.model.event import from_iso

    lines = receipts.read_text(encoding="utf-8").splitlines()
    # The last line may be half written: the customer goes on.
    moments = [from_iso(json.loads(line)["at"]) for line in lines[:-1]]
    pauses = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return max(pauses, default=None)
