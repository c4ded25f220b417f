"""Public fakes: a world in which time passes only when somebody waits, and steps end as told.

For the rehearsals of runbooks (``play``), and for anybody's tests of their own (``Stage``).
"""

from orchestrator.testing.clock import START, FakeClock
from orchestrator.testing.journal import Crash, MemoryJournal, PlainRenderer
from orchestrator.testing.stage import Stage
from orchestrator.testing.world import Answer, FakeWorld, NothingHappens, Script, everything_works

__all__ = [
    "START",
    "Answer",
    "Crash",
    "FakeClock",
    "FakeWorld",
    "MemoryJournal",
    "NothingHappens",
    "PlainRenderer",
    "Script",
    "Stage",
    "everything_works",
]
