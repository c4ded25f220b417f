"""The installed command as an operator uses it on the hosts lab: from the control host's network."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from acceptance_kit import Answer, Desk

from orchestrator.lab.sites import observations, observing
from orchestrator.lab.sites.lab import SitesLab


@dataclass(kw_only=True)
class ControlDesk(Desk):
    """A desk on the control host of ``lab``; its state is its own."""

    lab: SitesLab

    def start(self, *words: str, before: Sequence[str] = (), **more: str) -> subprocess.Popen[str]:
        """As Desk.start, in the control host's network."""
        return super().start(*words, before=[*self.lab.in_network([]), *before], **more)

    def runs(self, name: str, *more_words: str, mode: str = "drill", **more: str) -> Answer:
        """Run a runbook or drill on the lab."""
        words = ("run", name, "--mode", mode, "--inventory", str(self.lab.inventory), "--json", *more_words)
        return self.holdfast(*words, **more)

    def diagnosis(self) -> dict[str, Any]:
        """What ``holdfast diagnose`` says of the lab's system."""
        answer = self.holdfast("diagnose", "orders-hosts", "--inventory", str(self.lab.inventory), "--json")
        (found,) = answer.lines
        return dict(found)

    def output(self, step: str) -> dict[str, Any]:
        """What a step of the newest run put out."""
        ended = [seen for seen in self.journal() if seen.kind == "step.ended" and seen.of(step)]
        assert ended, f"{step} has not ended"
        found: dict[str, Any] = ended[-1].body["outcome"]["output"]
        return found

    def interval(self, record: dict[str, Any], start: str, end: str) -> float:
        """Seconds between two milestones of a record."""
        offsets = {moment["name"]: moment["offset_s"] for moment in record["measurement"]["milestones"]}
        return float(offsets[end]) - float(offsets[start])

    def away_at(self, moment: str) -> float:
        """Seconds for which those who order had been in vain at a moment (wall clock), which must lie in an outage."""
        when = datetime.fromisoformat(moment)
        tried = [one for one in observing.attempts(self.lab.directory) if _begun_at(one) <= when]
        last_ok = max((one.ended for one in tried if one.ok), default=0.0)
        vain = [one for one in tried if not one.ok and one.began > last_ok]
        assert vain, "orders were acknowledged at that moment"
        return (when - _begun_at(vain[0])).total_seconds()

    def outages(self, longer_than: float = 0.5) -> list[observations.Outage]:
        """What the observer saw, who knows nothing of Holdfast."""
        return observations.outages(observing.attempts(self.lab.directory), longer_than)


def _begun_at(attempt: observations.Attempt) -> datetime:
    return datetime.fromisoformat(attempt.at) - timedelta(seconds=attempt.ended - attempt.began)


def ended_away(control: ControlDesk, agree: float) -> None:
    """The newest run, ended before it promoted, says for how long the service was away, as the observer does."""
    measured = control.record()["measurement"]
    rto, rpo = measured["rto"], measured["rpo"]
    assert (rto["verdict"], rto["reason"]["code"], rto["achieved_s"]) == ("unproven", "restored_never", None), rto
    assert rto["at_least_s"] == pytest.approx(control.away_at(measured["as_of"]), abs=agree)
    assert (rpo["verdict"], rpo["reason"]["code"]) == ("not_applicable", "no_copy_serves"), rpo


def desk(lab: SitesLab, place: Path) -> ControlDesk:
    """A fresh desk below ``place``."""
    state = place / "state"
    state.mkdir(mode=0o700)
    return ControlDesk(state=state, lab=lab)
