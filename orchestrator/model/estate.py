"""The estate: the systems that are looked after, what was promised for them, and who to call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from orchestrator.model.document import Bilingual, Document, FaultClass, Flag, Slug
from orchestrator.model.duration import Duration

Severity = Annotated[int, Field(ge=0, le=4)]


class Contact(Document):
    """A person, more than one way to reach them, and a deputy."""

    name: str
    reach: Annotated[tuple[str, ...], Field(min_length=1)]
    deputy: Slug | None = None


class System(Document):
    """One system: targets from the business-impact assessment, hosts, owners."""

    title: Bilingual
    rto: Duration
    rpo: Duration
    severity: Mapping[FaultClass, Severity] = {}
    owners: Annotated[tuple[Slug, ...], Field(min_length=1)]
    declarers: tuple[Slug, ...] = ()
    """Who may declare an emergency; the owners where empty."""
    host_groups: tuple[str, ...] = ()
    service_level: Slug
    production: Flag = True
    """A drill refuses production targets."""


class Estate(Document):
    """All systems of a site."""

    estate: Slug
    title: Bilingual | None = None
    contacts: Mapping[Slug, Contact]
    systems: Mapping[Slug, System]
    production_addresses: tuple[str, ...] = ()
    """Addresses and networks (CIDR) a drill must never touch, whatever the inventory calls them."""


class Target(Document):
    """What a contract promises for one severity; a missing time is not promised."""

    respond: Duration | None = None
    on_site: Duration | None = None
    restore: Duration | None = None
    resolve: Duration | None = None


class ServiceLevel(Document):
    """A contract's clocks, as data."""

    service_level: Slug
    title: Bilingual
    targets: Mapping[Severity, Target]
    spare_part: Target | None = None
    report_within_working_days: Annotated[int, Field(ge=1)] | None = None
    report_for: tuple[Severity, ...] = ()
    raise_when_late: Flag = True
    """A fault not restored or resolved in its time is raised one severity."""
    exclude_customer_approval: Flag = True
    """Time the customer takes to approve is recorded, but not counted."""
