"""Many looks at once, each with its deadline: what a diagnosis sees. Nothing is changed and nothing is journaled."""

from __future__ import annotations

import queue
import secrets
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.engine.ports import Clock
from orchestrator.executors import jobdir
from orchestrator.executors.contract import Control
from orchestrator.executors.control import JobControl
from orchestrator.executors.fabric import FabricExecutor
from orchestrator.executors.fabric_connection import Connections
from orchestrator.executors.probe import Probes, kind_of
from orchestrator.executors.probe_look import Sight, blind, judge_of, one_look
from orchestrator.executors.words import as_texts
from orchestrator.model.actions import FabricAction, ProbeAction
from orchestrator.model.diagnosis import Sighting
from orchestrator.model.document import Mode
from orchestrator.model.event import to_iso
from orchestrator.model.inventory import Inventory
from orchestrator.model.job import Job, Phase
from orchestrator.model.matcher import find
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.plain import dataclass

AT_ONCE = 32
"""Looks taken at the same time."""
GRACE = 3.0
"""Seconds beyond its deadline that a look may take to say that it is late; then it is left behind."""
_NO_PROGRAM = {126: "the program is not allowed to be run", 127: "there is no such program"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A look to take: ``kind`` is probe or fabric, ``spec`` its action as data, ``timeout`` in seconds."""

    kind: str
    spec: Mapping[str, Any]
    expect: Mapping[str, Any]
    timeout: float
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """How it came out. ``seen`` are the values that were judged; ``told`` what is wrong, or why nothing was seen."""

    sighting: Sighting
    seen: Mapping[str, Any]
    told: str
    at: str
    took_s: float


class Looks:
    """Takes looks through the same probes and connections as runs do."""

    def __init__(self, inventory: Inventory, clock: Clock, connections: Connections) -> None:
        self._clock = clock
        self._probes = Probes(inventory, clock, connections)
        self._fabric = FabricExecutor(inventory, connections=connections)
        self._name = f"diagnose-{secrets.token_hex(6)}"

    def take(self, asked: Sequence[Asked], within: float) -> list[Answer]:
        """All of them at once, in the order asked; none later than ``within`` seconds (and a little) from now."""
        answers: dict[int, Answer] = {}
        done: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        deadline = self._clock.mono() + within
        free = threading.BoundedSemaphore(AT_ONCE)
        with tempfile.TemporaryDirectory(prefix="holdfast-look-", ignore_cleanup_errors=True) as place:

            def work(number: int, one: Asked) -> None:
                with free:
                    left = max(0.0, deadline - self._clock.mono())
                    done.put((number, self._answer(one, Path(place) / f"look-{number}", min(one.timeout, left))))

            for number, one in enumerate(asked):
                threading.Thread(target=work, args=(number, one), name=f"look-{number}", daemon=True).start()
            while len(answers) < len(asked) and (left := deadline + GRACE - self._clock.mono()) > 0:
                try:
                    number, answer = done.get(timeout=left)
                except queue.Empty:
                    break
                answers[number] = answer
        late = Answer(Sighting.UNSEEN, {}, "the look did not end in its time", to_iso(self._clock.wall()), within)
        return [answers.get(number, late) for number in range(len(asked))]

    def _answer(self, asked: Asked, directory: Path, timeout: float) -> Answer:
        at, began = to_iso(self._clock.wall()), self._clock.mono()
        shortfalls: list[str] = []
        try:
            kind = "command" if asked.kind == "fabric" else kind_of(ProbeAction.model_validate(as_texts(asked.spec)))
            judge = judge_of(asked.expect, kind)
            sight = self._sight(asked, directory, timeout)
            if kind == "command" and not sight.blind:
                sight = _with_a_program(sight)
            if not sight.blind:
                shortfalls = list(judge(sight.output))
        except Exception as error:  # noqa: BLE001  whatever a library throws: this look saw nothing, the others go on
            sight = blind(f"{type(error).__name__}: {error}")
        took = round(self._clock.mono() - began, 3)
        if sight.blind:
            return Answer(Sighting.UNSEEN, {}, sight.error, at, took)
        sighting = Sighting.FALLS_SHORT if shortfalls else Sighting.HOLDS
        return Answer(sighting, _judged(asked.expect, sight.output), "; ".join(shortfalls), at, took)

    def _sight(self, asked: Asked, directory: Path, timeout: float) -> Sight:
        job = Job(
            run_id=self._name,
            step=directory.name,
            phase=Phase.ACTION,
            attempt=1,
            ident=directory.name,
            kind=asked.kind,
            spec=asked.spec,
            timeout=timeout,
            mode=Mode.LIVE,
            directory=str(directory),
            secrets=asked.secrets,
        )
        control = JobControl(timeout, self._clock)
        if asked.kind == "fabric":
            FabricAction.model_validate(as_texts(asked.spec))
            return one_look(lambda _: self._command(job, control), control) or _stopped()
        jobdir.make(directory)
        return one_look(self._probes.look(ProbeAction.model_validate(as_texts(asked.spec)), job), control) or _stopped()

    def _command(self, job: Job, control: Control) -> Sight:
        outcome = self._fabric.run(job, control)
        if not _was_seen(outcome):
            return blind(outcome.error or "it could not be run", outcome.mend)
        hosts = outcome.output.get("hosts")
        return Sight({**outcome.output, "rc": max(one["rc"] for one in hosts.values())} if hosts else outcome.output)


def _stopped() -> Sight:
    return blind("the look was stopped before it saw anything")


def _was_seen(outcome: Outcome) -> bool:
    """Whether every host's command ran to its end and said what could be read."""
    if outcome.ending not in (Ending.OK, Ending.FAILED):
        return False
    outputs = outcome.output.get("hosts", {}).values() if "hosts" in outcome.output else [outcome.output]
    if not all("rc" in output for output in outputs):
        return False
    # Ended well and failed all the same: its output was not what is read there.
    return outcome.ok or any(output["rc"] != 0 for output in outputs)


def _with_a_program(sight: Sight) -> Sight:
    """A command that was never run says nothing about what it would have looked at."""
    outputs = sight.output.get("hosts", {}).values() if "hosts" in sight.output else [sight.output]
    for output in outputs:
        why = _NO_PROGRAM.get(output.get("rc", 0))
        if why is not None:
            return blind(f"{why}: {str(output.get('stdout', '')).strip()[:200]}".rstrip(": "))
    return sight


_TELLING = ("open", "status", "value", "rc")
"""What a look without a stated expectation is judged by."""
_LONGEST = 300


def _judged(expect: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """The values the look was judged by, long texts cut: outputs may be large, and evidence is read by people."""
    paths = list(expect) or [name for name in _TELLING if name in output]
    found = {path: find(output, path) for path in paths}
    return {path: _short(value) for path, value in found.items()}


def _short(value: Any) -> Any:
    shown = value if isinstance(value, str) else repr(value)
    return value if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
