"""The contract's clocks: response, restoration and resolution, counted from onset.

Both times are kept: *elapsed* is everything, *counted* leaves out the time in which the customer was asked to
approve (where the service level says so). A fault not restored or not resolved in its counted time is raised one
severity at that moment, once for each of the two; severity 1 is the highest that can be reached that way (0 means
that a whole site is gone). The limits stay those of the severity the fault began with: raising brings more people,
it does not shorten a promise that has just been missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from orchestrator.model.accounts import Ledger, Stretch, clipped
from orchestrator.model.document import Document, Milestone, Mode, Text
from orchestrator.model.estate import ServiceLevel, Target
from orchestrator.model.event import to_iso
from orchestrator.model.milestones import Milestones
from orchestrator.model.objectives import Verdict
from orchestrator.model.remark import Remark, remark
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, micros, seconds

ClockName = Literal["respond", "on_site", "restore", "resolve"]

HIGHEST = 1
"""The severity that automatic raising ends at."""


class Clock(Document):
    """One contract clock. ``deadline_at`` is when its counted time reaches the limit; it moves while the customer
    is being asked. Seconds; times in UTC."""

    name: ClockName
    limit_s: float
    elapsed_s: float | None = None
    counted_s: float | None = None
    excluded_s: float = 0.0
    deadline_at: str = ""
    stopped_at: str = ""
    running: bool = False
    verdict: Verdict
    reason: Remark


class Raise(Document):
    """The severity was raised by itself: when, from what to what, and which clock ran out."""

    at: str
    offset_s: float
    severity_from: int
    severity_to: int
    clock: ClockName


class ServiceClocks(Document):
    """Everything the contract says about this run; ``reason`` where it says nothing."""

    service_level: str = ""
    title: Text | None = None
    severity: int | None = None
    severity_now: int | None = None
    clocks: tuple[Clock, ...] = ()
    raised: tuple[Raise, ...] = ()
    reason: Remark | None = None

    def clock(self, name: ClockName) -> Clock | None:
        """The clock of that name, where the contract has it."""
        return next((clock for clock in self.clocks if clock.name == name), None)


def read_service_level(data: Mapping[str, Any]) -> ServiceLevel:
    """The service level kept in a plan. Raises ValidationError.

    Times may have lost their fraction on the way through JSON; in a plan a bare number is always seconds.
    """
    whole = dict(data)
    for name in ("targets", "spare_part"):
        if isinstance(whole.get(name), Mapping):
            whole[name] = _floats(whole[name])
    return ServiceLevel.model_validate(whole)


def _floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _floats(item) for key, item in value.items()}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def service_clocks(story: Story, line: Timeline, moments: Milestones, ledger: Ledger) -> ServiceClocks:
    """The clocks of the plan's service level and severity."""
    plan = story.plan
    if plan.mode in (Mode.CHECK, Mode.TABLETOP):
        return ServiceClocks(severity=plan.severity, reason=remark("not_recovering", mode=str(plan.mode)))
    if not plan.service_level:
        return ServiceClocks(severity=plan.severity, reason=remark("no_service_level"))
    try:
        level = read_service_level(plan.service_level)
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return ServiceClocks(severity=plan.severity, reason=remark("service_level_unreadable", why=why))
    known: dict[str, Any] = {"service_level": level.service_level, "title": level.title, "severity": plan.severity}
    if plan.severity is None:
        return ServiceClocks(**known, reason=remark("no_severity"))
    target = level.targets.get(plan.severity)
    if target is None:
        return ServiceClocks(**known, reason=remark("no_targets", severity=plan.severity))
    if moments.get(Milestone.ONSET) is None and plan.purpose != "recovery":
        return ServiceClocks(**known, reason=remark("no_fault", purpose=plan.purpose))
    excluded = ledger.customer if level.exclude_customer_approval else []
    maker = _Maker(story, line, moments, excluded)
    clocks = maker.clocks(target)
    raised = maker.raised(target, plan.severity) if level.raise_when_late else ()
    now = raised[-1].severity_to if raised else plan.severity
    return ServiceClocks(**known, severity_now=now, clocks=clocks, raised=raised)


class _Maker:
    def __init__(self, story: Story, line: Timeline, moments: Milestones, excluded: list[Stretch]) -> None:
        self.story, self.line, self.moments, self.excluded = story, line, moments, excluded
        self.onset = moments.get(Milestone.ONSET)

    def _stop(self, name: ClockName) -> int | None:
        if name == "restore":
            return self.moments.get(Milestone.RESTORED)
        if name == "resolve":
            return self.moments.get(Milestone.RESOLVED)
        first = [self.moments.get(milestone) for milestone in (Milestone.DECLARED, Milestone.FIRST_ACTION)]
        answers = [at for at in first if at is not None and (self.onset is None or at >= self.onset)]
        return min(answers, default=None)

    def counted(self, position: int) -> int:
        """Counted time from onset to a position."""
        assert self.onset is not None
        out = sum(last - first for first, last in clipped(self.excluded, self.onset, position))
        return position - self.onset - out

    def reaches(self, limit: int) -> int:
        """The position at which the counted time is the limit (nothing further being left out)."""
        assert self.onset is not None
        position = self.onset + limit
        for first, last in clipped(self.excluded, self.onset, self.line.end):
            if first < position:
                position += last - first
        return position

    def clocks(self, target: Target) -> tuple[Clock, ...]:
        limits: tuple[tuple[ClockName, float | None], ...] = (
            ("respond", target.respond),
            ("on_site", target.on_site),
            ("restore", target.restore),
            ("resolve", target.resolve),
        )
        return tuple(self.clock(name, limit) for name, limit in limits if limit is not None)

    def clock(self, name: ClockName, limit: float) -> Clock:
        """One clock, judged."""
        if self.onset is None:
            return Clock(name=name, limit_s=limit, verdict=Verdict.UNPROVEN, reason=remark("onset_missing"))
        deadline = self.reaches(micros(limit))
        at = to_iso(self.line.wall(deadline))
        if name == "on_site":
            reason = remark("on_site_not_recorded")
            return Clock(name=name, limit_s=limit, deadline_at=at, verdict=Verdict.UNPROVEN, reason=reason)
        stop = self._stop(name)
        end = max(self.line.end if stop is None else stop, self.onset)
        elapsed, counted = end - self.onset, self.counted(end)
        running = stop is None and self.story.ended is None
        said = {"counted_s": seconds(counted), "limit_s": limit}
        if stop is None and name == "resolve" and self.story.plan.mode is Mode.DRILL:
            verdict, reason, running = Verdict.NOT_APPLICABLE, remark("drill_not_resolved"), False
        elif counted > micros(limit):
            verdict, reason = Verdict.MISSED, remark("clock_beyond", **said, over_s=seconds(counted) - limit)
        elif stop is not None:
            verdict, reason = Verdict.MET, remark("clock_within", **said)
        else:
            code = "clock_running" if running else "clock_never_stopped"
            verdict, reason = Verdict.UNPROVEN, remark(code, **said)
        return Clock(
            name=name,
            limit_s=limit,
            elapsed_s=seconds(elapsed),
            counted_s=seconds(counted),
            excluded_s=seconds(elapsed - counted),
            deadline_at=at,
            stopped_at=to_iso(self.line.wall(stop)) if stop is not None else "",
            running=running,
            verdict=verdict,
            reason=reason,
        )

    def raised(self, target: Target, severity: int) -> tuple[Raise, ...]:
        """The automatic raises so far, in order of time."""
        if self.onset is None:
            return ()
        late: list[tuple[int, ClockName]] = []
        named: tuple[tuple[ClockName, float | None], ...] = (("restore", target.restore), ("resolve", target.resolve))
        for name, limit in named:
            clock = self.clock(name, limit) if limit is not None else None
            if clock is not None and clock.verdict is Verdict.MISSED:
                late.append((self.reaches(micros(clock.limit_s)), name))
        found: list[Raise] = []
        for position, name in sorted(late):
            if severity <= HIGHEST:
                break
            at = to_iso(self.line.wall(position))
            found.append(
                Raise(at=at, offset_s=seconds(position), severity_from=severity, severity_to=severity - 1, clock=name)
            )
            severity -= 1
        return tuple(found)
