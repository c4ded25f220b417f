"""What was promised, as ratios of medians (or as plain limits), and whether it was kept."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contest import Results
from benchmarks.medians import ratio

Which = tuple[str, str, str]
"""Contest, contestant, measure."""


@dataclass(frozen=True, slots=True)
class Target:
    """``value`` divided by ``by`` (another median, or a number) is to be at most ``limit``."""

    text: str
    value: Which
    by: Which | float
    limit: float
    unit: str = "×"

    def reached(self, results: Results) -> float | None:
        """What was measured; None where it was not."""
        mine = results.of(*self.value)
        if mine is None:
            return None
        if isinstance(self.by, float):
            return mine.median / self.by
        return ratio(mine, results.of(*self.by))


def _over(text: str, contest: str, other: str, limit: float, measure: str = "whole") -> Target:
    return Target(text, (contest, "holdfast", measure), (contest, other, measure), limit)


TARGETS = (
    _over("20 Ansible command steps ÷ one plain playbook, 1 host", "ansible-1", "playbook", 1.15),
    _over("20 Ansible command steps ÷ one plain playbook, 8 hosts", "ansible-8", "playbook", 1.10),
    _over("20 Ansible command steps ÷ 20 ansible-runner calls, 1 host", "ansible-1", "runner-20", 0.27),
    _over("20 Ansible raw steps ÷ one plain playbook, 1 host", "ansible-raw-1", "playbook", 1.5),
    _over("20 Fabric steps ÷ bash + ControlMaster, whole process, 1 host", "fabric-1", "bash", 1.9),
    _over("20 Fabric steps ÷ bash + ControlMaster, whole process, 8 hosts", "fabric-8", "bash", 1.9),
    _over("20 Fabric steps ÷ tuned Fabric script, first to last step, 1 host", "fabric-1", "script", 1.3, "steps"),
    _over("20 Fabric steps ÷ tuned Fabric script, first to last step, 8 hosts", "fabric-8", "script", 1.3, "steps"),
    _over("20 Fabric steps ahead of Chaos Toolkit, 1 host", "fabric-1", "chaos", 1.0),
    _over("20 Fabric steps ahead of pyinfra, 1 host", "fabric-1", "pyinfra", 1.0),
    _over("20 Fabric steps ahead of pyinfra, 8 hosts", "fabric-8", "pyinfra", 1.0),
    _over("20 Fabric steps ahead of one plain playbook, 1 host", "fabric-1", "playbook", 1.0),
    Target("Own cost of a step, run of 10 steps", ("overhead", "steps-10", "step"), 1.0, 4.0, "ms"),
    Target("Own cost of a step, run of 100 steps", ("overhead", "steps-100", "step"), 1.0, 4.0, "ms"),
    Target("Own cost of a step, run of 1,000 steps", ("overhead", "steps-1000", "step"), 1.0, 4.0, "ms"),
    Target("Own cost of a step, run of 10,000 steps", ("overhead-long", "steps-10000", "step"), 1.0, 4.0, "ms"),
    Target(
        "Cost of a step in a run of 10,000 ÷ in a run of 100",
        ("overhead-long", "steps-10000", "step"),
        ("overhead", "steps-100", "step"),
        1.2,
    ),
    Target(
        "Resident memory at its peak, run of 10,000 steps", ("overhead-long", "steps-10000", "memory"), 1.0, 120, "MB"
    ),
    Target("holdfast --version ÷ python -c pass", ("start", "version", "whole"), ("start", "python", "whole"), 5),
    Target("holdfast status ÷ python -c pass", ("start", "status", "whole"), ("start", "python", "whole"), 15),
    Target(
        "holdfast run to its first step ÷ python -c pass", ("start", "run", "whole"), ("start", "python", "whole"), 25
    ),
    Target(
        "Outage of a takeover in the lab ÷ hand-written script",
        ("takeover", "holdfast", "outage"),
        ("takeover", "script", "outage"),
        1.2,
    ),
    Target("300 runs at once ÷ the 3 s that each sleeps", ("crowd", "holdfast", "whole"), 3.0, 2.5),
)
