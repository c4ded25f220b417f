"""How a case of the equality suite is played once, and whether it came to what it is there to show."""

from __future__ import annotations

from collections.abc import Callable

from equality_case import Case, Ground
from equality_seen import Seen, look

from orchestrator.executors.ansible import Launcher


def play(one: Case, launch: Launcher, ground: Ground, lay: Callable[[Case], None]) -> Seen:
    """Lay the case out afresh, play it, and look at everything."""
    lay(one)
    outcome, directory = ground.play(one, launch)
    return look(ground, one, outcome, directory)


def fits(one: Case, seen: Seen) -> None:
    """The case has come to what it is there to show: two runs that break alike prove nothing."""
    text = "\n".join([*(seen["printed"] or []), str(seen["outcome"])])
    assert (seen["outcome"]["ending"], seen["rc"]) == (one.ending, one.rc), text
    assert [word for word in one.shows if word not in text] == [], text
    assert [word for word in one.hides if word in text] == [], text
    site = seen["disk"]["site"]
    assert {name: site[f"effects/{name}"][0]["holds"] for name in one.leaves} == one.leaves
