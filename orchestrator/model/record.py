"""The record of a run: everything a reader or an auditor asks of it, derived from the journal.

What only people can say (root cause, corrective actions, sign-off) has its own part, ``fill_in``, which the program
leaves empty: it is never invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.model.document import Document, FaultClass, Mode, Text
from orchestrator.model.measurement import Measurement
from orchestrator.model.remark import Remark
from orchestrator.model.step_row import Output

SCHEMA: Literal["holdfast.record/1"] = "holdfast.record/1"


class Task(Document):
    """Something a person has to do now: what, on which step, and the details as the run gave them."""

    remark: Remark
    step: str = ""
    details: tuple[str, ...] = ()
    texts: tuple[Text, ...] = ()
    notes: tuple[Remark, ...] = ()


class DrillPart(Document):
    """What the drill's file says of the exercise."""

    drill: str
    title: Text
    type: str
    scenario: Text
    success: tuple[Text, ...] = ()
    participants: tuple[str, ...] = ()
    live_exercise_approved_by: tuple[str, ...] = ()


class DecisionRow(Document):
    """A person's decision: when it was given, when the driver took it up, and whether it was accepted."""

    seq: int
    given_at: str
    taken_at: str
    verb: str
    step: str = ""
    by: str
    account: str
    why: str = ""
    accepted: bool
    refused: str = ""


class BreachRow(Document):
    """A promise that was not kept."""

    seq: int
    at: str
    kind: str
    detail: str
    by: str = ""


class Notice(Document):
    """A warning the run gave."""

    seq: int
    at: str
    text: str


class Deviation(Document):
    """Plan and execution differ; ``step`` is empty where it is the whole run."""

    step: str = ""
    remark: Remark


class CommandRow(Document):
    """One job as it was begun: the command log. ``job`` is the rendered document, secrets redacted before it was
    journaled. ``elapsed_s`` is the executor's own measure, else the journal's (``basis``)."""

    seq: int
    step: str
    phase: str
    attempt: int
    ident: str
    kind: str
    line: str
    job: Mapping[str, Any] = {}
    started_at: str
    ended_at: str = ""
    elapsed_s: float | None = None
    basis: str = ""
    ending: str = ""
    error: str = ""
    unmet: tuple[str, ...] = ()
    output_ref: Output | None = None


class DataCheck(Document):
    """Something that was looked at: a verification, a probe, the steady state, or the markers."""

    step: str
    title: Text
    phase: str
    looked: str
    at: str
    good: bool
    answer: Mapping[str, Any] = {}
    error: str = ""


class RollbackPart(Document):
    """How the run was taken back. ``manual`` is what a person must do where that failed."""

    by: str
    why: str
    started_at: str
    order: tuple[str, ...] = ()
    irreversible: Mapping[str, str] = {}
    ok: bool | None = None
    result: str = ""
    manual: tuple[str, ...] = ()


class Evidence(Document):
    """What the record stands on. ``chain_head`` is the hash of the last event, ``signer`` the fingerprint of the
    key the closing was signed with; both empty where they were not given."""

    events: int
    first_at: str
    last_at: str
    chain_head: str = ""
    signer: str = ""
    digest: str
    digests: Mapping[str, str] = {}
    version: str = ""


class CorrectiveAction(Document):
    """An improvement: filled in by people."""

    action: str = ""
    owner: str = ""
    due: str = ""
    status: str = ""
    retest: str = ""


class SignOff(Document):
    """A line to sign: the role, and who signed when (filled in by people)."""

    role: Literal["run_by", "system_owner", "reviewer"]
    name: str = ""
    date: str = ""


class FillIn(Document):
    """What a complete record needs and only people know. Empty when the program writes it."""

    summary: str = ""
    absent: tuple[str, ...] = ()
    third_parties: tuple[str, ...] = ()
    observations: str = ""
    strengths: str = ""
    weaknesses: str = ""
    root_cause: str = ""
    accepted_risk: str = ""
    corrective_actions: tuple[CorrectiveAction, ...] = ()
    sign_off: tuple[SignOff, ...] = (
        SignOff(role="run_by"),
        SignOff(role="system_owner"),
        SignOff(role="reviewer"),
    )


class Record(Document):
    """One run, whole. ``zone`` is the time zone local times are shown in (all times in the record are UTC);
    ``generated_at`` is empty where a record must come out the same each time."""

    schema_id: Literal["holdfast.record/1"] = SCHEMA
    generated_at: str = ""
    zone: str = "UTC"
    run_id: str
    runbook: str
    title: Text
    purpose: str
    mode: Mode
    fault_class: FaultClass | None = None
    severity: int | None = None
    system: str = ""
    site: str = ""
    by: str = ""
    account: str = ""
    host: str = ""
    inputs: Mapping[str, Any] = {}
    locks: tuple[str, ...] = ()
    critical_path_s: float
    critical_steps: tuple[str, ...] = ()
    drill: DrillPart | None = None
    to_do: tuple[Task, ...] = ()
    measurement: Measurement
    decisions: tuple[DecisionRow, ...] = ()
    breaches: tuple[BreachRow, ...] = ()
    warnings: tuple[Notice, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    rollback: RollbackPart | None = None
    data_checks: tuple[DataCheck, ...] = ()
    commands: tuple[CommandRow, ...] = ()
    evidence: Evidence
    fill_in: FillIn = FillIn()

    @property
    def status(self) -> str:
        """The run's status."""
        return self.measurement.status
