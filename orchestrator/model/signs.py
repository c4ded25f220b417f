"""The signs document: what a fault class looks like on this estate, and which runbook then helps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.model.actions import FabricAction, ProbeAction
from orchestrator.model.document import Bilingual, Document, FaultClass, RelativePath, Slug
from orchestrator.model.duration import Duration
from orchestrator.model.matcher import Expectations

RANK: dict[FaultClass, int] = {
    FaultClass.SITE_DISASTER: 0,
    FaultClass.SHARED_COMPONENT: 10,
    FaultClass.REDUNDANT_COMPONENT: 20,
    FaultClass.PAGING_SPACE: 30,
    FaultClass.PERFORMANCE: 40,
}
"""Which class is named first where several are recognised: the one that explains the others."""


class Look(Document):
    """One look, which changes nothing. ``expect`` is what is seen where all is well."""

    id: Slug
    title: Bilingual
    probe: ProbeAction | None = None
    fabric: FabricAction | None = None
    expect: Expectations = {}
    timeout: Duration = 10.0

    @model_validator(mode="after")
    def _one_action(self) -> Look:
        if (self.probe is None) == (self.fabric is None):
            raise ValueError("has both or none of probe and fabric; give either probe, or fabric: a command that looks")
        return self

    @property
    def kind(self) -> Literal["probe", "fabric"]:
        """Which executor looks."""
        return "probe" if self.probe is not None else "fabric"

    @property
    def action(self) -> ProbeAction | FabricAction:
        """What it does."""
        action = self.probe or self.fabric
        assert action is not None
        return action


def _condition(value: Any) -> Any:
    return {"holds": value} if isinstance(value, str) else value


class ConditionBody(Document):
    """What must be so. Exactly one key.

    ``holds``: this look saw what it expects (a look's name alone says the same). ``unseen``: it could not look.
    ``not``, ``all``, ``any`` put conditions together. What was not seen is neither true nor false.
    """

    holds: Slug | None = None
    unseen: Slug | None = None
    negated: Annotated[Condition | None, Field(alias="not")] = None
    every: Annotated[tuple[Condition, ...] | None, Field(alias="all", min_length=1)] = None
    some: Annotated[tuple[Condition, ...] | None, Field(alias="any", min_length=1)] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ConditionBody:
        names = {"holds": "holds", "unseen": "unseen", "negated": "not", "every": "all", "some": "any"}
        given = [shown for name, shown in names.items() if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"has {' and '.join(given)}" if given else "says nothing"
            raise ValueError(f"{found}; give exactly one of {', '.join(names.values())}")
        return self

    @property
    def inner(self) -> tuple[ConditionBody, ...]:
        """The conditions it is made of."""
        return (*((self.negated,) if self.negated else ()), *(self.every or ()), *(self.some or ()))

    @property
    def names(self) -> Iterator[str]:
        """The looks it is about."""
        yield from (name for name in (self.holds, self.unseen) if name is not None)
        for part in self.inner:
            yield from part.names


Condition = Annotated[ConditionBody, BeforeValidator(_condition, json_schema_input_type=Slug | ConditionBody)]
"""The name of a look that must hold, or a condition in full."""


class Start(Document):
    """The runbook that helps, and its inputs (templates: target, system, site, host)."""

    runbook: RelativePath
    inputs: Mapping[str, Any] = {}


class Signs(Document):
    """How one fault class is recognised. Nothing here changes anything."""

    signs: Slug
    fault_class: FaultClass
    title: Bilingual
    about: Literal["system", "host"] = "system"
    """Looked at once for a system, or once for each host."""
    systems: tuple[Slug, ...] = ()
    """Only these systems; any where empty."""
    groups: tuple[str, ...] = ()
    """Only hosts of these groups; any where empty. For ``about: host``."""
    start: Start
    secrets: Mapping[Slug, str] = {}
    """Names for templates in looks, each with a reference: ``env:NAME`` or ``file:/path``."""
    looks: Annotated[tuple[Look, ...], Field(min_length=1)]
    recognised: Condition
    rank: Annotated[int, Field(ge=0, le=99)] | None = None
    """Lower is named first; the class's own where nothing is said."""

    @model_validator(mode="after")
    def _groups_of_hosts(self) -> Signs:
        if self.groups and self.about == "system":
            raise ValueError("groups are for hosts; say about: host, or take groups away")
        return self

    @property
    def order(self) -> int:
        """Its place where several are recognised."""
        return RANK[self.fault_class] if self.rank is None else self.rank


ConditionBody.model_rebuild()
