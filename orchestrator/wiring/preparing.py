"""From documents to a plan that could be run now: linted, laid out, and not done twice for the same documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from orchestrator.documents.lint import lint
from orchestrator.documents.loading import Loaded
from orchestrator.documents.templates import TemplateRenderer
from orchestrator.engine.planner import make_plan
from orchestrator.errors import DocumentError, Problem
from orchestrator.model.document import Mode
from orchestrator.model.plan import Plan
from orchestrator.plain import dataclass
from orchestrator.wiring.clock import SystemClock
from orchestrator.wiring.driving import new_run_id


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that could be run now, what it was made of, and what lint would warn of."""

    plan: Plan
    loaded: Loaded
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be planned."""

    name: str
    mode: Mode
    inputs: Mapping[str, Any]
    site: str | None
    inventory: Path | None


class Preparing:
    """Makes plans, one at a time. Remembers the last one: whoever starts hundreds of runs of the same documents plans
    once, and those who ask while others wait for the documents are answered with one reading of them."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._readings = 0
        self._question: Question | None = None
        self._last: tuple[Prepared, Mapping[str, Any]] | None = None

    def prepare(self, question: Question, load: Callable[[], Loaded]) -> Prepared:
        """Load, lint and plan. Raises DocumentError for errors (not for warnings), UsageError for inputs."""
        begun = self._readings
        with self._turn:
            # Documents whose reading began after they were asked for are as good as read for this very question.
            if self._readings > begun and self._question == question and self._last is not None:
                before = self._last[0]
                return replace(before, plan=replace(before.plan, run_id=_fresh_id()))
            self._readings += 1
            self._question = None  # until it is answered
            prepared = self._prepare(load(), question.mode, question.inputs)
            self._question = question
            return prepared

    def _prepare(self, loaded: Loaded, mode: Mode, inputs: Mapping[str, Any]) -> Prepared:
        run_id = _fresh_id()
        if self._last is not None:
            before, given = self._last
            if before.plan.mode is mode and given == inputs and _same(before.loaded, loaded):
                again = replace(before, plan=replace(before.plan, run_id=run_id), loaded=loaded)
                self._last = (again, given)
                return again
        problems = lint(loaded)
        errors = [problem for problem in problems if not problem.warning]
        if errors:
            raise DocumentError(errors)
        plan = make_plan(loaded.material, run_id=run_id, mode=mode, inputs=inputs, renderer=TemplateRenderer())
        prepared = Prepared(plan, loaded, tuple(problem for problem in problems if problem.warning))
        # A large runbook is read anew each time, so nothing would be gained by keeping it.
        self._last = (prepared, dict(inputs)) if len(plan.steps) <= SMALL else None
        return prepared


def _fresh_id() -> str:
    return new_run_id(SystemClock().wall())


SMALL = 500
"""Steps of a plan that is worth keeping."""


def _same(one: Loaded, other: Loaded) -> bool:
    """Whether both are the same documents: what is bound by digest by its digest, the rest by identity."""
    return (
        one.file == other.file
        and one.site == other.site
        and one.digests == other.digests
        and one.runbook is other.runbook
        and one.drill is other.drill
        and one.estate is other.estate
        and one.service_level is other.service_level
        and {name: id(book) for name, book in one.nested.items()}
        == {name: id(book) for name, book in other.nested.items()}
        and one.inventory == other.inventory
    )
