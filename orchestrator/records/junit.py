"""JUnit XML, for what shows test results: one case a step, and one for each objective."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml  # only written here, never parsed

from orchestrator.model.objectives import Objective, Verdict
from orchestrator.model.record import Record
from orchestrator.model.step_row import StepRow
from orchestrator.model.transition import StepStatus

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_FINE = frozenset({StepStatus.SUCCEEDED, StepStatus.UNDONE})
_LEFT_OUT = frozenset({StepStatus.SKIPPED, StepStatus.PENDING, StepStatus.READY})


def junit(record: Record) -> str:
    """The record as one test suite."""
    measurement = record.measurement
    suite = Xml.Element("testsuite", name=_clean(record.runbook), timestamp=measurement.started_at.rstrip("Z"))
    properties = Xml.SubElement(suite, "properties")
    facts = {"run": record.run_id, "mode": str(record.mode), "status": record.status, "digest": record.evidence.digest}
    for name, value in facts.items():
        Xml.SubElement(properties, "property", name=name, value=_clean(value))
    for row in measurement.steps:
        _step(suite, record, row)
    for objective in (measurement.rto, measurement.rpo, measurement.resolve):
        _objective(suite, record, objective)
    counts = {name: len(suite.findall(f"testcase/{name}")) for name in ("failure", "error", "skipped")}
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(counts["skipped"]))
    suite.set("time", f"{measurement.elapsed_s:.3f}")
    Xml.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suite, encoding="unicode") + "\n"


def _step(suite: Xml.Element, record: Record, row: StepRow) -> None:
    case = Xml.SubElement(suite, "testcase", classname=_clean(record.runbook), name=_clean(row.id))
    case.set("time", f"{row.elapsed_s or 0.0:.3f}")
    text = _clean("\n".join(part for part in (row.error, row.mend) if part))
    if row.status in _LEFT_OUT:
        Xml.SubElement(case, "skipped", message=_clean(row.left_out or str(row.status)))
    elif row.status is StepStatus.FAILED or row.status is StepStatus.UNDO_FAILED:
        Xml.SubElement(case, "failure", message=str(row.status)).text = text
    elif row.status not in _FINE:
        # Unknown, in doubt, or not over yet: not a pass, and not a failure that was seen either.
        Xml.SubElement(case, "error", message=str(row.status)).text = text


def _objective(suite: Xml.Element, record: Record, objective: Objective) -> None:
    name = f"objective {objective.name}"
    case = Xml.SubElement(suite, "testcase", classname=_clean(record.runbook), name=name)
    case.set("time", f"{objective.achieved_s or 0.0:.3f}")
    message = _clean(objective.reason.text)
    if objective.verdict is Verdict.NOT_APPLICABLE:
        Xml.SubElement(case, "skipped", message=message)
    elif objective.verdict is Verdict.MISSED:
        Xml.SubElement(case, "failure", message=message)
    elif objective.verdict is Verdict.UNPROVEN:
        Xml.SubElement(case, "error", message=message)


def _clean(text: str) -> str:
    """``text`` with characters XML cannot hold shown as a replacement mark."""
    return _ILLEGAL.sub("\ufffd", text)
