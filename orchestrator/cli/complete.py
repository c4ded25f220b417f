"""What shell completion offers. Cheap, silent, and empty where it cannot tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Offer = list[tuple[str, str] | str]


def quietly(offer: Callable[[Any, str], Offer]) -> Callable[[Any, list[str], str], Offer]:
    """An offer that never fails: an error here would be typed into somebody's command line."""

    def offered(ctx: Any, args: list[str], incomplete: str) -> Offer:  # noqa: ARG001 - typer looks at the names
        try:
            _choose(ctx)
            return offer(ctx, incomplete)
        except Exception:  # noqa: BLE001 - see above
            return []

    return offered


def _choose(ctx: Any) -> None:
    """The options before the command count in completion too."""
    from orchestrator.cli import place

    given = ctx.find_root().params
    for name in ("workspace", "state", "store"):
        setattr(place.CHOSEN, name, given.get(name) or getattr(place.CHOSEN, name))


def _runs(_ctx: Any, incomplete: str) -> Offer:
    from orchestrator.cli import place

    found = place.app().runs()[:50]
    offered: Offer = [(run.run_id, f"{run.runbook}, {run.mode}") for run in found if run.run_id.startswith(incomplete)]
    if found and "last".startswith(incomplete):
        offered.append(("last", f"the newest: {found[0].run_id}"))
    return offered


def _steps(ctx: Any, incomplete: str) -> Offer:
    from orchestrator.cli import place

    program = place.app()
    state = program.state(program.find(ctx.params.get("run") or "last"))
    # A step that waits or is stuck is what somebody wants to name; the others only where none is.
    names = [*state.waiting, *state.stuck] or list(state.steps)
    return [(name, str(state.steps[name].status)) for name in names if name.startswith(incomplete)]


def _names(folders: Sequence[str]) -> Callable[[Any, str], Offer]:
    def offer(_ctx: Any, incomplete: str) -> Offer:
        from orchestrator.cli import place

        root = Path(place.CHOSEN.workspace or os.environ.get("HOLDFAST_WORKSPACE") or ".")
        found: list[str] = []
        for folder in folders:
            top = root / folder
            # A drill is named with its folder, so that it is not taken for a runbook of the same name.
            prefix = f"{folder}/" if folder != "runbooks" else ""
            found += [prefix + path.relative_to(top).as_posix() for path in top.rglob("*.y*ml")]
        return [name for name in sorted(found) if name.startswith(incomplete)]

    return offer


def _sites(_ctx: Any, incomplete: str) -> Offer:
    from orchestrator.cli import place

    return [site for site in place.app().workspace.sites() if site.startswith(incomplete)]


runs = quietly(_runs)
steps = quietly(_steps)
documents = quietly(_names(("runbooks", "drills")))
sites = quietly(_sites)
