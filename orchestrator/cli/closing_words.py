"""What is said when driving has ended: how it ended, the verdicts, what still runs, and the commands to go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from orchestrator.cli.hints import hints
from orchestrator.cli.lines import Line, hint_lines, wrapped
from orchestrator.cli.outcome import headline, still_running, verdict_line
from orchestrator.cli.place import called
from orchestrator.engine.runner import Driven, Halt
from orchestrator.model.document import Mode
from orchestrator.model.duration import format_duration
from orchestrator.model.measurement import Measurement


def closing(driven: Driven, measured: Measurement, width: int) -> list[Line]:
    """All lines, ready to print."""
    return list(_closing(driven, measured, width))


def _closing(driven: Driven, measured: Measurement, width: int) -> Iterator[Line]:
    state = driven.state
    words, style = headline(driven)
    yield Line(words, style, head=f" {state.plan.mode} run {state.run_id}: ")
    if pretended := sum(row.simulated for row in measured.steps):
        text = f"SIMULATED: {pretended} of {len(measured.steps)} steps; this run proves nothing about the real systems"
        yield from wrapped(text, width, indent=1, style="bold yellow")
    for objective in (measured.rto, measured.rpo):
        text, style = verdict_line(objective)
        if text:
            yield from wrapped(text, width, indent=1, style=style)
    accounts = measured.run_accounts
    yield Line(
        f" time {format_duration(measured.elapsed_s)}: machine {format_duration(accounts.machine_s)}, "
        f"people {format_duration(accounts.human_s)}, decision {format_duration(accounts.decision_s)}"
    )
    for event in state.breaches:
        yield from wrapped(f"BREACH: {event.body['detail']}", width, indent=1, style="bold red")
    if state.rollback is not None and state.rollback.ok is False:
        yield from _by_hand(driven, width)
    yield from _go_on(driven, measured, width)


def _by_hand(driven: Driven, width: int) -> Iterator[Line]:
    from orchestrator.cli.words import one_line

    state = driven.state
    for name in state.rollback.order if state.rollback is not None else ():
        undo = state.plan.by_id[name].undo
        if undo is not None and state.steps[name].status != "undone":
            yield from wrapped(f"not undone: {name}: {one_line(state.steps[name].error)}", width, indent=1, style="red")


def _go_on(driven: Driven, measured: Measurement, width: int) -> Iterator[Line]:
    state = driven.state
    if driven.halt is Halt.INTERRUPTED:
        running = still_running(driven)
        yield Line(" Nothing was stopped halfway." + ("" if running else " Nothing is at work now."))
        for one in running:
            yield from wrapped(f"still at work: {one}", width, indent=1, style="bold yellow")
        yield from hint_lines(hints(state, driven=False), width)
    elif driven.halt is Halt.ENDED:
        if state.ended == "succeeded" and state.plan.mode in (Mode.DRILL, Mode.LIVE):
            yield from _verified(measured, width)
        yield Line(f" its record:  {shlex.join([*called(), 'record', state.run_id])}", style="dim")
    elif state.plan.mode is not Mode.CHECK:
        yield from hint_lines(hints(state, driven=False), width)
    else:
        yield Line(" mend what failed, then check again", style="dim")


def _verified(measured: Measurement, width: int) -> Iterator[Line]:
    verification = measured.verification
    if verification.counts:
        text = f"counts as verification of digest {verification.digest[:12]}, until {verification.expires_at[:10]}"
        yield from wrapped(text, width, indent=1, style="green")
    else:
        # Breaches have been told above.
        for reason in [one for one in verification.reasons if one.code != "had_breach"][:4]:
            yield from wrapped(f"does not count as verification: {reason.text}", width, indent=1, style="yellow")
