"""The ground all documents stand on: frozen, nothing unknown, names and texts of one form."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)


class Document(BaseModel):
    """A part of a document: immutable, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A name that is safe in file names, metrics labels and commands."""

_BELOW = r"^(?!/)(?!.*(^|/)\.\.(/|$))[A-Za-z0-9_./-]{1,200}$"


def _below(value: str) -> str:
    # Not a StringConstraints pattern: pydantic's default regex engine knows no look-ahead.
    if not re.match(_BELOW, value) or value.endswith("\n"):
        raise ValueError(
            f"{value!r} is not a path below its folder; "
            "write a relative path without '..', of letters, digits, '.', '_', '-' and '/'"
        )
    return value


RelativePath = Annotated[str, AfterValidator(_below), WithJsonSchema({"type": "string", "pattern": _BELOW})]
"""A path below its root: not absolute, no ``..``."""


Flag = Annotated[bool, Field(strict=True)]
"""True or false and nothing that could be read as one ("no", 0)."""


class Text(Document):
    """A text people read, in English and (where given) in Simplified Chinese."""

    en: str
    zh: str = ""

    def in_language(self, language: str) -> str:
        """The text in ``language`` (``en`` or ``zh``); English where the Chinese is missing."""
        return self.zh if language == "zh" and self.zh else self.en


def _text(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


Bilingual = Annotated[
    Text,
    BeforeValidator(_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
                    "required": ["en"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A plain string (English) or ``{en: ..., zh: ...}``."""


class FaultClass(StrEnum):
    """The five fault classes of an emergency plan."""

    REDUNDANT_COMPONENT = "redundant-component"
    SHARED_COMPONENT = "shared-component"
    PAGING_SPACE = "paging-space"
    PERFORMANCE = "performance"
    SITE_DISASTER = "site-disaster"


DEFAULT_SEVERITY: dict[FaultClass, int] = {
    FaultClass.REDUNDANT_COMPONENT: 1,
    FaultClass.SHARED_COMPONENT: 1,
    FaultClass.PAGING_SPACE: 2,
    FaultClass.PERFORMANCE: 2,
    FaultClass.SITE_DISASTER: 0,
}
"""Severity per fault class where the estate names none (0 is "special": the site is gone)."""


class Mode(StrEnum):
    """How a runbook is run. Only drill and live count as verification of a system."""

    CHECK = "check"
    TABLETOP = "tabletop"
    DRILL = "drill"
    LIVE = "live"


class Milestone(StrEnum):
    """The moments a recovery is measured between."""

    ONSET = "onset"
    DETECTED = "detected"
    DECLARED = "declared"
    FIRST_ACTION = "first_action"
    RESTORED = "service_restored"
    RESOLVED = "resolved"
