"""``holdfast run``, whoever has read the words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.cli import place

if TYPE_CHECKING:
    from orchestrator.wiring.app import Holdfast
    from orchestrator.wiring.preparing import Prepared


def run(
    name: str,
    *,
    mode: str | None = None,
    inputs: Sequence[str] = (),
    site: str | None = None,
    inventory: str | None = None,
    onset: str | None = None,
    detected: str | None = None,
    by: str | None = None,
    no_wait: bool = False,
    yes: bool = False,
    as_json: bool = False,
) -> int:
    """Run a runbook or a drill; answers the exit code. The arguments are the options' words as they were given."""
    from orchestrator.wiring.warmth import ahead

    with ahead(place.settings(by).workspace, name):
        program = place.app(by)  # only now: it is imported while Ansible is
        return _run(
            program, name, mode=mode, inputs=inputs, site=site, inventory=inventory, onset=onset, detected=detected,
            no_wait=no_wait, yes=yes, as_json=as_json,
        )  # fmt: skip


def _run(
    program: Holdfast,
    name: str,
    *,
    mode: str | None,
    inputs: Sequence[str],
    site: str | None,
    inventory: str | None,
    onset: str | None,
    detected: str | None,
    no_wait: bool,
    yes: bool,
    as_json: bool,
) -> int:
    from pathlib import Path

    from orchestrator.cli import given
    from orchestrator.cli.choosing import mode_of, tell_warnings

    told = given.milestones(onset, detected, datetime.now().astimezone())
    values = given.inputs(inputs)
    hosts = Path(inventory) if inventory else None
    chosen = mode_of(program, name, mode, site=site, inventory=hosts)
    prepared = program.prepare(name, mode=chosen, inputs=values, site=site, inventory=hosts)
    tell_warnings(prepared, name)
    if chosen == "live" and not yes and not _agreed(prepared):
        return 0
    connecting = program.reach(prepared)
    from orchestrator.cli.drive import drive  # only now: it is imported while connections come up

    result = drive(
        program, lambda asked: program.start(prepared, asked),
        run_id=prepared.plan.run_id, wait=not no_wait, as_json=as_json, milestones=told,
        connecting=connecting,
    )  # fmt: skip
    return result.code


def _agreed(prepared: Prepared) -> bool:
    """One question on a terminal; none elsewhere, where ``--mode live`` has said it."""
    import sys

    from orchestrator.cli.streams import is_terminal, say
    from orchestrator.cli.where import place as place_of

    if not (is_terminal() and is_terminal(sys.stdin)):
        return True
    plan = prepared.plan
    hosts = dict.fromkeys(place_of(step.kind, step.spec) for step in plan.steps if step.changes and not step.skip)
    say(f"LIVE: {plan.title.en} ({plan.runbook}){f', site {plan.site}' if plan.site else ''}")
    say(f"  changes: {', '.join(host for host in hosts if host) or 'nothing'}")
    sys.stdout.write("Start it? [y/N]: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
