"""The installed command as an operator uses it on the hosts lab: from the control host's network."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def outages(self, longer_than: float = 0.5) -> list[observations.Outage]:
        """What the observer saw, who knows nothing of Holdfast."""
        return observations.outages(observing.attempts(self.lab.directory), longer_than)


def desk(lab: SitesLab, place: Path) -> ControlDesk:
    """A fresh desk below ``place``."""
    state = place / "state"
    state.mkdir(mode=0o700)
    return ControlDesk(state=state, lab=lab)
