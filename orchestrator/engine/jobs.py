"""Making jobs: the step's templates rendered with what is known now, the secrets put in, the private place named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestrator.engine.counts import elsewhere
from orchestrator.engine.moves import Attach, Start
from orchestrator.engine.ports import Renderer
from orchestrator.engine.state import RunState
from orchestrator.errors import UsageError
from orchestrator.model.job import Job, Phase
from orchestrator.model.plan import PlannedCheck, PlannedStep


class StepOutputs(Mapping[str, Any]):
    """``steps.<id>.output`` for the steps of one runbook, looked up only when a template asks."""

    def __init__(self, state: RunState, prefix: str) -> None:
        self._state = state
        self._prefix = prefix

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        step = self._state.steps[self._prefix + name]
        if step.outcome is None:
            raise KeyError(name)
        return {"output": step.outcome.output, "status": str(step.status)}

    def __iter__(self) -> Iterator[str]:
        for name, step in self._state.steps.items():
            inner = name.removeprefix(self._prefix)
            if name.startswith(self._prefix) and "/" not in inner and step.outcome is not None:
                yield inner

    def __len__(self) -> int:
        return sum(1 for _ in self)


class JobMaker:
    """Makes jobs for one run. ``place`` answers a job's private directory by its ident. ``secrets`` is reference to
    value; values go nowhere but into jobs.
    """

    def __init__(
        self,
        renderer: Renderer,
        *,
        place: Callable[[str], str],
        secrets: Mapping[str, str] | None = None,
        lock_fds: tuple[int, ...] = (),
    ) -> None:
        self._renderer = renderer
        self._place = place
        self._secrets = dict(secrets or {})
        self._lock_fds = lock_fds

    def make(self, state: RunState, move: Start | Attach) -> Job:
        """The job for a move. Raises UsageError (or what the renderer raises) where a template has no value."""
        planned = state.plan.by_id[move.step]
        expect: Any = {}
        within, every = None, 0.5
        timeout = planned.timeout
        changes = False
        if move.phase is Phase.ACTION:
            kind, raw, expect = planned.kind, planned.spec, planned.expect
            changes = planned.changes
            host = elsewhere(state, planned)
            if host is not None:
                raw = {**raw, "measure": {**raw["measure"], "target": host}}
        elif move.phase is Phase.UNDO:
            assert planned.undo is not None
            kind, raw, timeout, changes = planned.undo.kind, planned.undo.spec, planned.undo.timeout, True
        else:
            check = self._check(planned, move)
            kind, raw, expect, within, every = "probe", check.probe, check.expect, check.within, check.every
            if move.phase is Phase.UNDO_VERIFY and planned.undo is not None:
                timeout = planned.undo.timeout
            timeout = max(timeout if within is None else within + PROBE_SLACK, PROBE_SLACK)
        scope = self._scope(state, planned)
        return Job(
            run_id=state.run_id,
            step=planned.id,
            phase=move.phase,
            attempt=move.attempt,
            ident=move.ident,
            kind=kind,
            spec=self._renderer.render(raw, scope),
            timeout=timeout,
            mode=state.plan.mode,
            directory=self._place(move.ident),
            changes=changes,
            expect=self._renderer.render(expect, scope),
            within=within,
            every=every,
            lock_fds=self._lock_fds,
            secrets=tuple(self._secrets.values()),
        )

    def rendered(self, state: RunState, planned: PlannedStep, *, undo: bool = False) -> Any:
        """What a person is asked or told, rendered."""
        spec = planned.undo.spec if undo and planned.undo is not None else planned.spec
        return self._renderer.render(spec, self._scope(state, planned))

    def shown(self, job: Job) -> dict[str, Any]:
        """The job as the journal keeps it (the journal redacts)."""
        body: dict[str, Any] = {"kind": job.kind, "spec": job.spec}
        if job.expect:
            body["expect"] = job.expect
        return body

    def _check(self, planned: PlannedStep, move: Start | Attach) -> PlannedCheck:
        checks = planned.verify
        if move.phase is Phase.UNDO_VERIFY and planned.undo is not None:
            checks = planned.undo.verify
        return checks[move.check]

    def _scope(self, state: RunState, planned: PlannedStep) -> dict[str, Any]:
        own = planned.scope if planned.prefix else state.plan.inputs
        inputs = {name: self._reveal(value) for name, value in own.items()}
        return {
            **inputs,
            "inputs": inputs,
            "steps": StepOutputs(state, planned.prefix),
            "run": {"id": state.run_id, "mode": str(state.plan.mode), "runbook": state.plan.runbook},
        }

    def _reveal(self, value: Any) -> Any:
        if isinstance(value, Mapping) and set(value) == {"$secret"}:
            reference = value["$secret"]
            if reference not in self._secrets:
                raise UsageError(f"the secret {reference} is not to be had", mend="set it where its reference points")
            return self._secrets[reference]
        return value


PROBE_SLACK = 10.0
"""Seconds a verify check may take beyond its own time; a single look is bounded by the step's timeout."""
