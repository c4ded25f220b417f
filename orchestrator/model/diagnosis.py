"""What a diagnosis found: evidence first, and nothing said that it does not bear out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from orchestrator.model.document import FaultClass, Text
from orchestrator.model.signs import ConditionBody
from orchestrator.plain import dataclass


class Sighting(StrEnum):
    """How one look came out."""

    HOLDS = "holds"
    """It saw what is seen where all is well."""
    FALLS_SHORT = "falls_short"
    """It saw something else."""
    UNSEEN = "unseen"
    """It could not look: no evidence of health, and none of a fault."""


class Verdict(StrEnum):
    """What the evidence bears out."""

    RECOGNISED = "recognised"
    HEALTHY = "healthy"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One look: what was expected, what was seen, and when (ISO 8601, UTC, the moment it began)."""

    look: str
    title: Text
    does: str
    sighting: Sighting
    expected: Mapping[str, Any]
    seen: Mapping[str, Any]
    told: str
    """What it falls short of, or why it could not look; empty where it holds."""
    at: str
    took_s: float
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one signs document says about one system or host. ``recognised`` is None where it cannot be told."""

    signs: str
    fault_class: FaultClass
    title: Text
    about: str
    order: int
    recognised: bool | None
    evidence: tuple[Evidence, ...]
    runbook: str
    inputs: Mapping[str, Any]

    @property
    def healthy(self) -> bool:
        """Every look was done, saw what it should, and the class is ruled out."""
        return self.recognised is False and all(one.sighting is Sighting.HOLDS for one in self.evidence)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Signs that were not looked for, and why. ``broken``: they should have been."""

    signs: str
    why: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings about a target, the most telling first."""

    target: str
    site: str
    at: str
    took_s: float
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def recognised(self) -> tuple[Finding, ...]:
        """Those whose class is borne out."""
        return tuple(one for one in self.findings if one.recognised)

    @property
    def open(self) -> tuple[Finding, ...]:
        """Those that could be told neither way."""
        return tuple(one for one in self.findings if one.recognised is None)

    @property
    def verdict(self) -> Verdict:
        """Recognised where any class is borne out; healthy only where everything was seen and well."""
        if self.recognised:
            return Verdict.RECOGNISED
        complete = bool(self.findings) and not any(one.broken for one in self.left_out)
        return Verdict.HEALTHY if complete and all(one.healthy for one in self.findings) else Verdict.UNCLEAR


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Recognised ones first, then those nobody can tell, each by their rank and name."""
    place = {True: 0, None: 1, False: 2}
    return tuple(sorted(findings, key=lambda one: (place[one.recognised], one.order, one.signs, one.about)))


def holds(condition: ConditionBody, sightings: Mapping[str, Sighting]) -> bool | None:
    """Whether the condition is so; None where what was not seen leaves it open (Kleene's three values).

    A look that is not among ``sightings`` counts as unseen.
    """
    if condition.holds is not None:
        seen = sightings.get(condition.holds, Sighting.UNSEEN)
        return None if seen is Sighting.UNSEEN else seen is Sighting.HOLDS
    if condition.unseen is not None:
        return sightings.get(condition.unseen, Sighting.UNSEEN) is Sighting.UNSEEN
    if condition.negated is not None:
        inner = holds(condition.negated, sightings)
        return None if inner is None else not inner
    values = [holds(part, sightings) for part in condition.inner]
    decisive = condition.some is not None
    if decisive in values:
        return decisive
    return None if None in values else not decisive
