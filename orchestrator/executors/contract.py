"""What every executor promises: a job can be stopped, let go, found again, and is never taken for done.

To add a kind of action: a document in ``model.actions``, a class here in a file of its own that keeps this
contract, and a line in ``wiring``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.model.outcome import Outcome

if TYPE_CHECKING:  # child processes read this module too, and need not load every document for it
    from orchestrator.model.job import Job


class Wish(StrEnum):
    """What the driver wants of a job at this moment. It only ever moves away from GO, and then stays."""

    GO = "go"
    CANCEL = "cancel"
    """Stop it: somebody gave up on it."""
    DETACH = "detach"
    """Let go of it: the driver leaves, the job runs on."""


class Control(Protocol):
    """One job's reins. One object per job, used by the job's own thread."""

    @property
    def wish(self) -> Wish:
        """What is wanted now."""

    def wait(self, seconds: float) -> Wish:
        """Sleep at most ``seconds``; return at once when the wish changes. Answers the wish.

        An executor that waits for anything else (a child, a socket) waits in slices no longer than a second
        and looks here between them.
        """

    def remaining(self) -> float:
        """Seconds of the job's timeout that are left, on the monotonic clock; never below zero."""


class Executor(Protocol):
    """Does one kind of job. Called from many threads at once: keeps nothing of a job in itself.

    Foreign errors become outcomes with a mend and are not raised. An exception that comes out all the same is
    taken for UNKNOWN where the job changes something, for FAILED where it only looks.

    ``unknown`` is the answer whenever the effect may have happened. ``failed`` is only for what certainly did
    not happen, or happened and told its failure.
    """

    def run(self, job: Job, control: Control) -> Outcome:
        """Do the job; blocks until it has ended.

        Before any effect, makes ``job.directory`` (``os.mkdir``, mode 0700; its parent exists): a directory
        that is not there proves that the job never began, one that is there already (FileExistsError) forbids
        beginning.

        When ``control.remaining()`` reaches zero: stops what was started and answers UNKNOWN, unless the end
        is known. CANCEL: the same. DETACH: leaves what was started running, to be attached to, and answers
        LEFT; where nothing could be found again later, it is stopped and the answer is UNKNOWN.

        The complete output, raw, is left in the file ``out`` in ``job.directory`` (0600); the caller redacts
        it, keeps it and removes the directory, except after LEFT.
        """

    def attach(self, job: Job, control: Control) -> Outcome:
        """Find what an earlier process began, and wait for its end as ``run`` does; begins nothing.

        NOT_STARTED: there is no ``job.directory``, so nothing was begun. GONE: it was begun and nothing can
        be learnt about its end.
        """

    def check(self, job: Job, control: Control) -> Outcome:
        """Mode check: find out with the real permissions whether ``run`` would get through; change nothing.

        OK means reachable, allowed, and everything needed is there. Makes no ``job.directory``.
        """


@runtime_checkable
class Keeper(Protocol):
    """An executor with proof of an end elsewhere, which goes when it is safely kept here."""

    def kept(self, job: Job) -> None:
        """The outcome that ``run`` or ``attach`` answered is safely kept, in the journal as a rule.

        Called at most once, in any thread; raises nothing.
        """
