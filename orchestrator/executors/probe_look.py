"""Looking until it holds: the one place where verify, the steady state, probe steps and wait look again and again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from orchestrator.engine.ports import Clock
from orchestrator.executors.contract import Control, Wish
from orchestrator.model.event import to_iso
from orchestrator.model.matcher import Matcher, unmet
from orchestrator.model.outcome import Ending, Outcome, failed, unknown
from orchestrator.plain import dataclass

_SLICE = 0.25
"""Seconds between two glances at what the driver wants while a look lasts."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look saw. ``blind``: it could not look at all, and ``error`` says why; then there is no output."""

    output: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    error: str = ""
    mend: str = ""
    blind: bool = False


Look = Callable[[Control], Sight]
"""One look. It ends by itself when the control it is given has no time left or is cancelled."""

Judge = Callable[[Mapping[str, Any]], Sequence[str]]
"""What an output falls short of, as sentences; empty when it holds."""


def blind(error: str, mend: str = "") -> Sight:
    """Nothing could be seen."""
    return Sight(error=error, mend=mend, blind=True)


def judge_of(expect: Mapping[str, Any], kind: str) -> Judge:
    """The judge of a check: what it expects, or what a probe of this kind naturally should see.

    Raises ValueError (pydantic's) where an expectation is none.
    """
    matchers = {path: Matcher.model_validate(_matcher(matcher)) for path, matcher in expect.items()}
    return (lambda output: unmet(matchers, output)) if matchers else (lambda output: natural(kind, output))


def _matcher(value: Any) -> Any:
    return {"equals": value} if isinstance(value, str | int | float | bool) else value


def natural(kind: str, output: Mapping[str, Any]) -> list[str]:
    """What is wrong with a sight nobody stated an expectation for.

    tcp: open; http: status below 400; sql: a row whose first value is neither false nor null; command: exit code 0;
    testinfra: everything that is yes or no is yes.
    """
    if kind == "tcp" and output.get("open") is not True:
        return [f"open: wanted True, got False ({output.get('error', '')})"]
    if kind == "http" and not output.get("status", 0) < 400:
        return [f"status: wanted below 400, got {output.get('status')}"]
    if kind == "sql":
        if not output.get("rowcount"):
            return ["rowcount: wanted a row, got none"]
        if output.get("value") is None or output.get("value") is False:
            return [f"value: wanted neither false nor null, got {output.get('value')!r}"]
    if kind == "command" and output.get("rc") != 0:
        return [f"rc: wanted 0, got {output.get('rc')}"]
    if kind == "testinfra":
        return [f"{name}: wanted True, got False" for name, value in output.items() if value is False]
    return []


def look_until_holds(
    look: Look, judge: Judge, control: Control, clock: Clock, *, within: float | None, every: float
) -> tuple[Outcome, bytes]:
    """Look once, or with ``within`` again each ``every`` seconds until it holds; the outcome and the last raw sight.

    OK has the milestone ``held_at``: the wall clock when the look that saw it had its answer. A request that a service
    kept waiting was served at its end, not at its beginning, so this is never earlier than the truth. FAILED names
    what was not met, or why nothing could be seen. The output tells how often it ``looked``.
    """
    began = clock.mono()
    looked = 0
    while True:
        since = clock.mono()
        seen = one_look(look, control)
        at = clock.wall()
        if seen is None:
            return _let_be(control.wish, "it had not seen anything yet", {}), b""
        looked += 1
        shortfalls = [seen.error] if seen.blind else list(judge(seen.output))
        output = {**seen.output, "looked": looked}
        if not shortfalls:
            return Outcome(Ending.OK, output=output, milestones={"held_at": to_iso(at)}), seen.raw
        left = min(0.0 if within is None else began + within - clock.mono(), control.remaining())
        if left <= 0:
            return _failed(seen, shortfalls, output, clock.mono() - began, looked), seen.raw
        # In step with the beginnings of the looks: a slow look is followed by the next one at once.
        if control.wait(min(left, max(0.0, since + every - clock.mono()))) is not Wish.GO:
            return _let_be(control.wish, "; ".join(shortfalls), output), seen.raw


def _let_be(wish: Wish, seen: str, output: Mapping[str, Any]) -> Outcome:
    # Nothing of a look runs on, and nothing has to: attach begins it anew.
    if wish is Wish.DETACH:
        return Outcome(Ending.LEFT)
    return unknown(f"the look was stopped before it held: {seen}", output=output)


def _failed(seen: Sight, shortfalls: list[str], output: Mapping[str, Any], seconds: float, looked: int) -> Outcome:
    told = "; ".join(shortfalls)
    if looked > 1:
        told = f"not within {seconds:.1f} s ({looked} looks): {told}"
    return failed(told, mend=seen.mend, output={} if seen.blind and looked == 1 else output)


class _Glance:
    """The reins of one look: the job's own time, and any other wish means stop, as a look has nothing to run on."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def wish(self) -> Wish:
        return Wish.GO if self._control.wish is Wish.GO else Wish.CANCEL

    def wait(self, seconds: float) -> Wish:
        self._control.wait(seconds)
        return self.wish

    def remaining(self) -> float:
        return self._control.remaining()


def one_look(look: Look, control: Control) -> Sight | None:
    """One look in a thread of its own, which is left behind when it does not end: libraries block as they like.

    None where it was stopped before it saw anything.
    """
    answers: queue.SimpleQueue[Sight] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(look(_Glance(control)))
        except Exception as error:  # noqa: BLE001  whatever a library throws, this look saw nothing
            answers.put(blind(f"{type(error).__name__}: {error}"))

    threading.Thread(target=work, name="look", daemon=True).start()
    late = 0.0
    while True:
        try:
            return answers.get(timeout=_SLICE)
        except queue.Empty:
            if control.wish is not Wish.GO:
                return None
            if control.remaining() <= 0:
                # A look that keeps its time ends now by itself.
                late += _SLICE
                if late > 2.0:
                    return blind("the look did not end in its time")
