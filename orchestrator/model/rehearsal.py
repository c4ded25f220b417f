"""The rehearsal document: a runbook played in a fake world, and how it must come out.

Steps end as ``answers`` say; a step that is not in them succeeds after a second with an empty output. Time passes only
in the fake world, so an hour of recovery is played in a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from orchestrator.model.document import Bilingual, Document, Flag, Milestone, Mode, RelativePath, Slug
from orchestrator.model.duration import Duration
from orchestrator.model.objectives import Verdict
from orchestrator.model.transition import StepStatus

StepName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_/-]*$")]
"""A step's id in the plan: ``outer/inner`` for a step of a nested runbook, ``steady-after-1`` for a steady check."""


class StepAnswer(Document):
    """How one job of a step ends. Several answers for one phase of a step are given in turn; the last repeats.

    ``later`` is what is found when a command of unknown end is looked for again on its target. ``milestones`` are
    moments the executor itself saw, told as the time since the job began.
    """

    step: StepName
    phase: Literal["action", "verify", "undo", "undo_verify"] = "action"
    ends: Literal["ok", "failed", "unknown"] = "ok"
    takes: Duration | Literal["for ever"] = 1.0
    output: Mapping[str, Any] = {}
    error: str = ""
    later: Literal["ok", "failed", "gone"] | None = None
    milestones: Mapping[Milestone | Literal["held_at"], Duration] = {}


class Decided(Document):
    """What a person decides, as on the command line."""

    verb: Literal["approve", "reject", "retry", "skip", "mark-done", "abort", "rollback", "override"]
    step: StepName | None = None
    by: str = "wang"
    why: str = ""


class Moment(Document):
    """When a step comes to a state."""

    step: StepName
    status: StepStatus


class Happening(Document):
    """Something that happens beside the steps: ``at`` a time since the run's start, or once a step comes to a state.

    ``after`` is how much later than that. What happens is exactly one of: a person decides (``decide``), the driver is
    told to stop (``signal``), it is killed (``kill``), somebody sets the wall clock (``clock_forward``,
    ``clock_back``). A driver that was stopped or killed is back ``back`` later.
    """

    at: Duration | None = None
    once: Moment | None = None
    after: Duration = 0.0
    decide: Decided | None = None
    signal: str | None = None
    kill: Literal[True] | None = None
    clock_forward: Duration | None = None
    clock_back: Duration | None = None
    back: Duration = 10.0

    @model_validator(mode="after")
    def _one_moment_and_one_thing(self) -> Happening:
        if (self.at is None) == (self.once is None):
            raise ValueError("has both or none of at and once; give either at: a time, or once: {step, status}")
        names = ("decide", "signal", "kill", "clock_forward", "clock_back")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "nothing happens"
            raise ValueError(f"{found}; give exactly one of {', '.join(names)}")
        return self


class Span(Document):
    """How long something may take."""

    min: Duration | None = None
    max: Duration | None = None


class Between(Span):
    """How long it may take from one milestone to another."""

    start: Annotated[Milestone, Field(alias="from")]
    end: Annotated[Milestone, Field(alias="to")]


class Expected(Document):
    """How it must come out. What is not named here is not judged, but for ``breaches``: left out, there must be none.

    ``order``: in each list, every step is begun only after the one before it has ended. ``never``: steps whose action
    must not be begun. ``begun``: how often a step's action is begun. ``errors``: a text that must be in the step's
    error. ``breaches``: the kinds of all recorded breaches, in order. ``manual``: texts that must be among what a
    failed rollback leaves to be done by hand.
    """

    run: Literal["succeeded", "aborted", "rolled_back", "stopped", "waiting"]
    steps: Mapping[StepName, StepStatus] = {}
    order: tuple[Annotated[tuple[StepName, ...], Field(min_length=2)], ...] = ()
    never: tuple[StepName, ...] = ()
    begun: Mapping[StepName, Annotated[int, Field(ge=0)]] = {}
    errors: Mapping[StepName, str] = {}
    breaches: tuple[str, ...] = ()
    over_budget: tuple[StepName, ...] | None = None
    milestones: tuple[Milestone, ...] = ()
    intervals: tuple[Between, ...] = ()
    takes: Span = Span()
    rto: Verdict | None = None
    rpo: Verdict | None = None
    lost_transactions: int | None = None
    manual: tuple[str, ...] = ()


class Rehearsal(Document):
    """One play of one runbook (or of the one a drill exercises).

    ``told`` are milestones somebody reports at the start: how long before it they were.
    """

    rehearsal: Slug
    title: Bilingual
    runbook: RelativePath | None = None
    drill: RelativePath | None = None
    site: Slug | None = None
    mode: Mode = Mode.LIVE
    inputs: Mapping[str, Any] = {}
    started_by: str = "li"
    waits: Flag = True
    """The driver waits for people; else it leaves as soon as only people are awaited."""
    told: Mapping[Milestone, Duration] = {}
    answers: tuple[StepAnswer, ...] = ()
    happens: tuple[Happening, ...] = ()
    expected: Expected

    @model_validator(mode="after")
    def _one_runbook(self) -> Rehearsal:
        if (self.runbook is None) == (self.drill is None):
            raise ValueError("has both or none of runbook and drill; give either the runbook or the drill to play")
        return self
