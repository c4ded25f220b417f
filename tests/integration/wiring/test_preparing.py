"""Many who plan the same at the same moment share one reading of the documents, and never an older one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from orchestrator.documents.loading import Loaded, load
from orchestrator.documents.workspace import Workspace
from orchestrator.model.document import Mode
from orchestrator.wiring.preparing import Prepared, Preparing, Question

PATIENCE = 30.0
RUNBOOK = """\
runbook: steps
title: {{en: Steps, zh: 步骤}}
purpose: change
steps:
  - id: {step}
    title: {{en: One, zh: 一}}
    timeout: 1m
    scripted: {{}}
"""


def written(root: Path, step: str) -> None:
    (root / "runbooks").mkdir(exist_ok=True)
    (root / "runbooks" / "steps.yaml").write_text(RUNBOOK.format(step=step), encoding="utf-8")


class Readings:
    """Reads the documents; the first reading waits, when it has read, until it is let go."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.begun = 0
        self.has_read = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> Loaded:
        self.begun += 1
        first = self.begun == 1
        loaded = load(Workspace(self.root), "steps")
        if first:
            self.has_read.set()
            assert self.let_go.wait(PATIENCE)
        return loaded


def question() -> Question:
    return Question("steps", Mode.DRILL, {}, None, None)


def steps_of(prepared: Prepared) -> list[str]:
    return [step.id for step in prepared.plan.steps]


def waiting(pool: ThreadPoolExecutor, ask: Callable[[threading.Event], Prepared]) -> Future[Prepared]:
    """Somebody who has asked, as far as can be seen from outside."""
    asks = threading.Event()
    answer = pool.submit(ask, asks)
    assert asks.wait(PATIENCE)
    return answer


def test_who_asks_during_a_reading_gets_what_was_written_before_he_asked(tmp_path: Path) -> None:
    written(tmp_path, "old")
    preparing, read = Preparing(), Readings(tmp_path)

    def ask(asks: threading.Event) -> Prepared:
        asks.set()
        return preparing.prepare(question(), read)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(preparing.prepare, question(), read)
        assert read.has_read.wait(PATIENCE)
        written(tmp_path, "new")
        others = [waiting(pool, ask) for _ in range(3)]
        read.let_go.set()
        assert steps_of(first.result(PATIENCE)) == ["old"]
        answers = [other.result(PATIENCE) for other in others]
    assert [steps_of(answer) for answer in answers] == [["new"]] * 3
    assert len({answer.plan.run_id for answer in answers}) == 3


def test_one_after_another_each_reads_for_itself(tmp_path: Path) -> None:
    written(tmp_path, "old")
    preparing, read = Preparing(), Readings(tmp_path)
    read.let_go.set()
    assert steps_of(preparing.prepare(question(), read)) == ["old"]
    written(tmp_path, "new")
    assert steps_of(preparing.prepare(question(), read)) == ["new"]
    assert read.begun == 2


def test_another_question_is_not_answered_with_the_same_plan(tmp_path: Path) -> None:
    written(tmp_path, "old")
    preparing, read = Preparing(), Readings(tmp_path)
    read.let_go.set()
    drill = preparing.prepare(question(), read)
    check = preparing.prepare(Question("steps", Mode.CHECK, {}, None, None), read)
    assert (drill.plan.mode, check.plan.mode) == (Mode.DRILL, Mode.CHECK)
