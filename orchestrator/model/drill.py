"""The drill document: what is exercised, on what, and how it is judged. The changes are the runbook's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.model.document import Bilingual, Document, RelativePath, Slug
from orchestrator.model.runbook import Objectives


class Drill(Document):
    """One planned exercise of one runbook. Objectives may tighten the runbook's, never loosen them."""

    drill: Slug
    title: Bilingual
    type: Literal["tabletop", "partial", "full", "live"]
    runbook: RelativePath
    inputs: Mapping[str, Any] = {}
    objectives: Objectives = Objectives()
    scenario: Bilingual
    success: tuple[Bilingual, ...] = ()
    participants: tuple[Slug, ...] = ()
    live_exercise_approved_by: tuple[str, ...] = ()
    """Who approved touching production. Empty: production targets are refused."""
