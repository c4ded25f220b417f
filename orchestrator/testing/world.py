"""The world as a driver sees it: hands, mailbox and inbox over one fake clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from orchestrator.engine.ports import Decision, Finished, Interrupted, Notice
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.plain import dataclass
from orchestrator.testing.clock import FakeClock

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a job ends, and after how many seconds.

    ``takes=None`` never ends by itself; ``deaf`` does not even answer when told to stop. ``later`` is what is found
    when a job of unknown end is looked for again.
    """

    outcome: Outcome
    takes: float | None = 1.0
    deaf: bool = False
    later: Outcome | None = None


Script = Callable[[Job], Answer]


class NothingHappens(AssertionError):
    """The driver waited longer than ``horizon``: what it waits for never comes."""


def everything_works(_job: Job) -> Answer:
    """Each job succeeds after a second."""
    return Answer(Outcome(Ending.OK))


def changing_jobs(job: Job) -> bool:
    """What is begun detached and outlives its driver: whatever changes something. Probes die with it."""
    return job.changes


@dataclass(slots=True)
class _Work:
    job: Job
    answer: Answer
    begun: float
    ends: float | None
    outcome: Outcome
    lost: bool = False

    def has_ended(self, now: float) -> bool:
        return self.ends is not None and self.ends <= now


@dataclass(frozen=True, slots=True)
class _Report:
    ident: str
    driver: int
    attached: bool


class FakeWorld:
    """Jobs end as ``script`` says, whether or not somebody drives; time passes only in ``get``.

    ``done`` lists the idents of jobs that were really begun; a job is begun only once, as its directory would
    forbid it. ``found`` answers attach by ident; where it says nothing, the world answers what became of the job:
    NOT_STARTED where it was never begun or was forgotten, GONE where it died with its driver, else its end. Jobs for
    which ``survives`` is true go on when the driver is dead (``driver_dies``). ``at(seconds, call)`` does something
    at a moment.
    """

    def __init__(
        self,
        clock: FakeClock | None = None,
        script: Script = everything_works,
        *,
        survives: Callable[[Job], bool] = changing_jobs,
        horizon: float = DAY,
    ) -> None:
        self.clock = clock or FakeClock()
        self.script = script
        self.survives = survives
        self.done: list[str] = []
        self.jobs: dict[str, Job] = {}
        self.found: dict[str, Answer] = {}
        self.attached: list[str] = []
        self.cancelled: list[str] = []
        self.forgotten: list[str] = []
        self.decisions: list[Decision] = []
        self._work: dict[str, _Work] = {}
        self._agenda: list[tuple[float, int, _Report | Notice | Callable[[], None]]] = []
        self._count = 0
        self._driver = 1
        self._in_hand: set[str] = set()
        self._until = self.clock.mono() + horizon

    # -- what a test does --------------------------------------------------------------------------------------------

    def at(self, seconds: float, what: _Report | Notice | Callable[[], None]) -> None:
        """Something that happens ``seconds`` from now."""
        self._count += 1
        heapq.heappush(self._agenda, (self.clock.mono() + seconds, self._count, what))

    def decide(
        self, verb: str, step: str = "", *, by: str = "wang", why: str = "", account: str = "", digest: str = ""
    ) -> None:
        """A person's decision, given now."""
        number, account = len(self.decisions) + 1, account or f"{by}@desk"
        self.decisions.append(Decision(number, verb, step, by, account, why, self.clock.wall(), digest))

    def interrupt(self, why: str = "SIGINT") -> None:
        """Somebody stops the driver."""
        self.at(0.0, Interrupted(why))

    def let_happen(self) -> bool:
        """While nobody drives: time passes until the next thing has happened. False where nothing is to come."""
        while self._agenda:
            moment, _, what = heapq.heappop(self._agenda)
            self.clock.pass_time(max(moment - self.clock.mono(), 0.0))
            if callable(what):
                what()
                return True
        return False

    def driver_dies(self) -> None:
        """Nobody hears the jobs any more; those that outlive their driver go on."""
        self._driver += 1
        self._in_hand.clear()
        for work in self._work.values():
            if not work.has_ended(self.clock.mono()) and not self.survives(work.job):
                work.lost = True

    # -- ports -------------------------------------------------------------------------------------------------------

    def begin(self, job: Job) -> None:
        """Hands: start."""
        if job.ident in self._work:
            taken = Outcome(Ending.UNKNOWN, error="it was begun before, by another driver")
            self._in_hand.add(job.ident)
            self.at(0.0, Finished(job.ident, taken, 0.0))
            return
        self.done.append(job.ident)
        self.jobs[job.ident] = job
        answer, now = self.script(job), self.clock.mono()
        takes, outcome = _in_time(job, answer)
        work = _Work(job, answer, now, None if takes is None else now + takes, outcome)
        self._work[job.ident] = work
        self._tell(job.ident, takes, attached=False)

    def attach(self, job: Job) -> None:
        """Hands: find again."""
        self.attached.append(job.ident)
        now = self.clock.mono()
        work = self._work.get(job.ident)
        if job.ident in self.found:
            answer = self.found[job.ident]
            takes, outcome = _in_time(job, answer)
            work = _Work(job, answer, now, None if takes is None else now + takes, outcome)
        elif work is None:
            work = _Work(job, everything_works(job), now, now, Outcome(Ending.NOT_STARTED))
        elif work.lost:
            work.ends, work.outcome = now, Outcome(Ending.GONE, error="it died with its driver")
        elif work.answer.later is not None and work.has_ended(now):
            work.ends, work.outcome = now, work.answer.later
        if work.outcome.ending is Ending.NOT_STARTED:
            self._never_began(job.ident, work.outcome)
            return
        self._work[job.ident] = work
        self._tell(job.ident, None if work.ends is None else max(work.ends - now, 0.0), attached=True)

    def cancel(self, ident: str) -> None:
        """Hands: stop. A job that has ended already, or that somebody else has in hand, is left as it is."""
        self.cancelled.append(ident)
        work = self._work.get(ident)
        if work is None or ident not in self._in_hand or work.answer.deaf or work.has_ended(self.clock.mono()):
            return
        work.ends, work.outcome = self.clock.mono(), Outcome(Ending.UNKNOWN, error="cancelled")
        self._tell(ident, 0.0, attached=False)

    def forget(self, job: Job) -> None:
        """Hands: its end is journaled. Nothing proves any more that it was ever begun."""
        self.forgotten.append(job.ident)
        self._work.pop(job.ident, None)

    def detach(self) -> Sequence[str]:
        """Hands: let go; answers what runs on."""
        now = self.clock.mono()
        left = sorted(
            ident
            for ident in self._in_hand
            if (work := self._work.get(ident)) is not None and not work.has_ended(now) and self.survives(work.job)
        )
        self.driver_dies()
        return left

    def after(self, number: int) -> Sequence[Decision]:
        """Inbox."""
        return self.decisions[number:]

    def get(self, timeout: float) -> Notice | None:
        """Mailbox: the next notice; time passes only here. Raises NothingHappens beyond the horizon."""
        until = self.clock.mono() + timeout
        while self._agenda and self._agenda[0][0] <= until:
            moment, _, what = heapq.heappop(self._agenda)
            self.clock.pass_time(max(moment - self.clock.mono(), 0.0))
            if isinstance(what, _Report):
                notice = self._report(what)
                if notice is not None:
                    return notice
            elif isinstance(what, Finished):
                if what.ident in self._in_hand:
                    self._in_hand.discard(what.ident)
                    return what
            elif isinstance(what, Interrupted):
                return what
            else:
                what()
                if timeout > 0:
                    return None  # something happened; let the driver look
        self.clock.pass_time(max(until - self.clock.mono(), 0.0))
        if self.clock.mono() > self._until:
            raise NothingHappens("the driver waits for something that never comes")
        return None

    # -- inside ------------------------------------------------------------------------------------------------------

    def _never_began(self, ident: str, outcome: Outcome) -> None:
        if self._work.pop(ident, None) is not None:
            self.done.remove(ident)
        self._in_hand.add(ident)
        self.at(0.0, Finished(ident, outcome, None, attached=True))

    def _tell(self, ident: str, takes: float | None, *, attached: bool) -> None:
        self._in_hand.add(ident)
        if takes is not None:
            self.at(takes, _Report(ident, self._driver, attached))

    def _report(self, report: _Report) -> Notice | None:
        work = self._work.get(report.ident)
        if work is None or report.driver != self._driver or report.ident not in self._in_hand:
            return None  # told to nobody, or told already
        self._in_hand.discard(report.ident)
        assert work.ends is not None
        elapsed = None if report.attached else work.ends - work.begun
        return Finished(report.ident, work.outcome, elapsed, report.attached)


def _in_time(job: Job, answer: Answer) -> tuple[float | None, Outcome]:
    """When and how it really ends: no later than its timeout, where it can be stopped at all."""
    if answer.takes is None or answer.takes <= job.timeout:
        return answer.takes, answer.outcome
    return job.timeout, Outcome(Ending.UNKNOWN, error="no end within its timeout")
