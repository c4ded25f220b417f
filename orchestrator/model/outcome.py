"""How a piece of work ended. Unknown is a result: it is never read as ok."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from orchestrator.plain import dataclass


class Ending(StrEnum):
    """How a job ended.

    ``NOT_STARTED`` and ``GONE`` are only ever answers to *attach*: the effect certainly never began (it may be
    started with the same ident), or nothing can be learnt about it (it is in doubt).
    ``LEFT`` is only an answer to *detach*: the job runs on and can be attached to.
    """

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"
    GONE = "gone"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class OutputRef:
    """The complete output of a job, kept as a redacted file beside the journal.

    ``path`` is relative to the run's directory; ``sha256`` and ``size`` (bytes) are of that file.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, what it answered, and the proof.

    ``output`` is a small JSON object: what expectations and later steps read. ``error`` is for people. ``milestones``
    are moments (ISO 8601, UTC) the executor itself observed more exactly than the step's end.
    """

    ending: Ending
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    mend: str = ""
    changed: bool | None = None
    simulated: bool = False
    ref: OutputRef | None = None
    milestones: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it is known to have succeeded."""
        return self.ending is Ending.OK

    def to_body(self) -> dict[str, Any]:
        """The outcome as a JSON object for the journal; empty parts left out."""
        body: dict[str, Any] = {"ending": str(self.ending)}
        if self.output:
            body["output"] = dict(self.output)
        for name in ("error", "mend"):
            if getattr(self, name):
                body[name] = getattr(self, name)
        if self.changed is not None:
            body["changed"] = self.changed
        if self.simulated:
            body["simulated"] = True
        if self.ref is not None:
            body["ref"] = {"path": self.ref.path, "sha256": self.ref.sha256, "size": self.ref.size}
        if self.milestones:
            body["milestones"] = dict(self.milestones)
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Outcome:
        """The outcome that ``to_body`` wrote."""
        ref = body.get("ref")
        return cls(
            ending=Ending(body["ending"]),
            output=body.get("output", {}),
            error=body.get("error", ""),
            mend=body.get("mend", ""),
            changed=body.get("changed"),
            simulated=body.get("simulated", False),
            ref=OutputRef(ref["path"], ref["sha256"], ref["size"]) if ref else None,
            milestones=body.get("milestones", {}),
        )


def ok(**output: Any) -> Outcome:
    """A success with this output."""
    return Outcome(Ending.OK, output=output)


def failed(error: str, *, mend: str = "", output: Mapping[str, Any] | None = None) -> Outcome:
    """A known failure."""
    return Outcome(Ending.FAILED, error=error, mend=mend, output=output or {})


def unknown(error: str, *, mend: str = "", output: Mapping[str, Any] | None = None) -> Outcome:
    """Nobody can say whether it took effect."""
    return Outcome(Ending.UNKNOWN, error=error, mend=mend, output=output or {})
