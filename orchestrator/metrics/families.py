"""Which gauges there are and what they say: pure data, from records.

Labels are bounded by what is declared (systems, runbooks, modes, step ids): no run's id is ever a label. Of several
runs with the same system, runbook and mode the newest speaks; times of success and verification look at all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime

from orchestrator.model.event import from_iso
from orchestrator.model.objectives import Verdict
from orchestrator.model.record import Record
from orchestrator.plain import dataclass

STATUSES = ("succeeded", "failed", "aborted", "rolled_back", "stopped", "waiting", "interrupted", "running", "other")
"""The values of the label ``status``; a status nobody knows is ``other``."""

NO_SYSTEM = "none"
"""The label ``system`` of a run whose runbook names no system."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its labels."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """One gauge: name, meaning, label names, values."""

    name: str
    help: str
    label_names: tuple[str, ...]
    samples: list[Sample] = field(default_factory=list)

    def add(self, labels: Mapping[str, str], value: float | None, **more: str) -> None:
        """Add a value; what is not known gives no sample."""
        if value is not None:
            self.samples.append(Sample({**labels, **more}, float(value)))


RUN = ("system", "runbook", "mode")

_OF_RUN: dict[str, tuple[str, tuple[str, ...]]] = {
    "holdfast_run_recovery_time_seconds": ("Time from onset to the service restored, of the newest run.", ()),
    "holdfast_run_recovery_time_objective_seconds": ("Recovery time objective (RTO) of the newest run.", ()),
    "holdfast_run_recovery_point_seconds": ("Committed work lost, in time, as measured by markers.", ()),
    "holdfast_run_recovery_point_objective_seconds": ("Recovery point objective (RPO) of the newest run.", ()),
    "holdfast_run_lost_transactions": ("Committed transactions lost, as counted.", ("counted",)),
    "holdfast_run_verdict": ("1 for the verdict on an objective, 0 for the others.", ("objective", "verdict")),
    "holdfast_run_status": ("1 for the status of the newest run, 0 for the others.", ("status",)),
    "holdfast_run_account_seconds": ("Where the time of the newest run went; adds up to its duration.", ("account",)),
    "holdfast_run_simulated": ("1 where the newest run was simulated, in whole or part: it proves nothing.", ()),
    "holdfast_run_breaches": ("Promises knowingly not kept in the newest run.", ()),
    "holdfast_run_start_timestamp_seconds": ("When the newest run began.", ()),
    "holdfast_step_duration_seconds": ("Time at work of each step of the newest run.", ("step",)),
    "holdfast_step_budget_seconds": ("Budget of each step that has one.", ("step",)),
}


def families(records: Iterable[Record], *, version: str = "") -> list[Family]:
    """All gauges for these runs, in a fixed order. Families without a sample are left out."""
    known = sorted(records, key=_order)
    newest = {_labels_key(record): record for record in known}
    found: list[Family] = []
    info = Family("holdfast_info", "The program that wrote these metrics; always 1.", ("version",))
    info.add({"version": version or "unknown"}, 1)
    found.append(info)
    made = {name: Family(name, text, (*RUN, *more)) for name, (text, more) in _OF_RUN.items()}
    for record in sorted(newest.values(), key=_labels_key):
        _of_run(record, made)
    found += made.values()
    found += _over_all(known)
    return [family for family in found if family.samples]


def _order(record: Record) -> tuple[datetime, str]:
    return from_iso(record.measurement.started_at), record.run_id


def _labels_key(record: Record) -> tuple[str, str, str]:
    return record.system or NO_SYSTEM, record.runbook, str(record.mode)


def _labels(record: Record) -> dict[str, str]:
    return dict(zip(RUN, _labels_key(record), strict=True))


def _of_run(record: Record, made: Mapping[str, Family]) -> None:
    m, labels = record.measurement, _labels(record)

    def add(name: str, value: float | None, **more: str) -> None:
        made[f"holdfast_{name}"].add(labels, value, **more)

    add("run_recovery_time_seconds", m.rto.achieved_s)
    add("run_recovery_time_objective_seconds", m.rto.target_s)
    add("run_recovery_point_seconds", m.rpo.achieved_s)
    add("run_recovery_point_objective_seconds", m.rpo.target_s)
    for counted in ("markers", "receipts"):
        lost = [loss.lost_transactions for loss in m.losses if loss.kind == counted]
        add("run_lost_transactions", max(lost, default=None), counted=counted)
    for objective in (m.rto, m.rpo, m.resolve):
        for verdict in Verdict:
            add(
                "run_verdict",
                1 if objective.verdict is verdict else 0,
                objective=objective.name,
                verdict=str(verdict),
            )
    status = m.status if m.status in STATUSES else "other"
    for one in STATUSES:
        add("run_status", 1 if one == status else 0, status=one)
    accounts = m.run_accounts
    for account in ("machine", "human", "decision", "absent", "idle"):
        add("run_account_seconds", getattr(accounts, f"{account}_s"), account=account)
    add("run_simulated", 1 if _is_simulated(record) else 0)
    add("run_breaches", len(record.breaches))
    add("run_start_timestamp_seconds", from_iso(m.started_at).timestamp())
    for row in m.steps:
        add("step_duration_seconds", row.elapsed_s, step=row.id)
        add("step_budget_seconds", row.budget_s, step=row.id)


def _over_all(known: list[Record]) -> Iterator[Family]:
    success = Family("holdfast_last_success_timestamp_seconds", "When a run last succeeded, on real systems.", RUN)
    expiry = Family(
        "holdfast_verification_expiry_timestamp_seconds",
        "When the newest verification of a system by a runbook ends; a change of the runbook ends it at once.",
        ("system", "runbook"),
    )
    ended = _latest(known, _labels_key, _succeeded_at)
    for key, moment in sorted(ended.items()):
        success.add(dict(zip(RUN, key, strict=True)), moment)
    until = _latest(known, lambda r: _labels_key(r)[:2], lambda r: r.measurement.verification.expires_at)
    for names, moment in sorted(until.items()):
        expiry.add(dict(zip(("system", "runbook"), names, strict=True)), moment)
    yield success
    yield expiry


def _is_simulated(record: Record) -> bool:
    return any(row.simulated for row in record.measurement.steps)


def _succeeded_at(record: Record) -> str:
    return record.measurement.ended_at if record.status == "succeeded" and not _is_simulated(record) else ""


def _latest(
    known: list[Record], key: Callable[[Record], tuple[str, ...]], moment: Callable[[Record], str]
) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for record in known:
        if moment(record):
            at = from_iso(moment(record)).timestamp()
            found[key(record)] = max(at, found.get(key(record), at))
    return found
