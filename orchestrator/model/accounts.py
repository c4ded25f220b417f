"""Where the time went: accounts that never overlap and add up to the whole, to the microsecond.

At each instant exactly one account is charged, the first of these that applies:

1. ``decision``: somebody was asked for an approval, or the run stood still after a failure until somebody decided;
2. ``human``: a manual step was being done;
3. ``absent``: no process was driving the run (between one driver's last word and the next one's first);
4. ``machine``: at least one job was running;
5. ``idle``: none of these: the orchestrator itself, and pauses between retries.

A person who is awaited comes before a machine that works beside them: it is the person's time that a better
organisation can save. Waiting also goes on while no process drives the run, but ends when the answer is *given*,
not when a process takes it up. Time before the run was created (within an outage) is ``before``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.model.document import Document
from orchestrator.model.story import Story
from orchestrator.model.timeline import Timeline, seconds

Stretch = tuple[int, int]

ORDER = ("decision", "human", "absent", "machine")


class Accounts(Document):
    """Seconds on each account; they add up to ``elapsed_s``. ``customer_s`` is the part of ``decision_s`` in which
    the customer was asked, and is not a further account."""

    elapsed_s: float
    machine_s: float
    human_s: float
    decision_s: float
    idle_s: float
    absent_s: float
    before_s: float
    customer_s: float


class Ledger:
    """All the stretches of a run that accounts are drawn up from."""

    def __init__(self, story: Story, line: Timeline) -> None:
        self._end = line.end
        people = ("approve", "manual")
        self.stretches: dict[str, list[Stretch]] = {name: [] for name in ORDER}
        self.customer: list[Stretch] = []
        self.stops: list[Stretch] = []
        for job in story.jobs:
            # Should a person's step ever be journaled as a job, the person is still who is awaited.
            if job.phase == "action" and story.steps[job.step].planned.kind in people:
                continue
            self.stretches["machine"].append((line.of(job.started), line.of(job.ended) if job.ended else line.end))
        for wait in story.waits:
            start = line.of(wait.started)
            end = line.of(wait.ended) if wait.ended else line.end
            if wait.answered is not None and wait.ended is not None:
                end = min(end, max(start, line.place(wait.answered, wait.ended)))
            self.stretches["human" if wait.kind == "manual" else "decision"].append((start, end))
            if wait.customer:
                self.customer.append((start, end))
        for stop in story.stops:
            start, end = line.positions[stop.start], line.end
            if stop.end is not None:
                end = line.positions[stop.end]
                if stop.answered is not None:
                    end = min(end, max(start, line.place(stop.answered, story.events[stop.end])))
            self.stops.append((start, end))
        self.stretches["decision"] += self.stops
        self.stretches["absent"] = [(gap.start, gap.end) for gap in line.gaps]
        self.customer = merged(self.customer)

    def accounts(self, start: int, end: int) -> Accounts:
        """The accounts between two positions of the axis; positions below 0 lie before the run."""
        sums = dict.fromkeys((*ORDER, "idle", "before"), 0)
        end = max(start, end)
        sums["before"] = min(end, 0) - min(start, 0)
        begin = max(start, 0)
        edges: list[tuple[int, int, int]] = []
        for rank, name in enumerate(ORDER):
            for first, last in clipped(self.stretches[name], begin, end):
                edges += [(first, 1, rank), (last, -1, rank)]
        open_now = [0] * len(ORDER)
        before = begin
        for position, change, rank in sorted(edges):
            sums[_charged(open_now)] += position - before
            open_now[rank] += change
            before = position
        sums["idle"] += max(end, begin) - before
        return Accounts(
            elapsed_s=seconds(end - start),
            customer_s=seconds(sum(last - first for first, last in clipped(self.customer, begin, end))),
            **{f"{name}_s": seconds(value) for name, value in sums.items()},
        )


def _charged(open_now: Sequence[int]) -> str:
    return next((name for name, count in zip(ORDER, open_now, strict=True) if count), "idle")


def clipped(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """The parts of the stretches between two positions; empty ones left out."""
    cut = [(max(first, start), min(last, end)) for first, last in stretches]
    return [(first, last) for first, last in cut if last > first]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time, in order and without overlap."""
    found: list[Stretch] = []
    for first, last in sorted(stretches):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
