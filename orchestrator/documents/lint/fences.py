"""Fence before promote: a takeover goes on only with evidence that the old primary can no longer write."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.documents.lint.whole import FlatStep, Whole
from orchestrator.errors import Problem
from orchestrator.model.matcher import Matcher

_PROMOTES = re.compile(r"promote|take-?_?over", re.IGNORECASE)
_FENCES = re.compile(r"(?:^|[_-])fence(?:$|[_-])", re.IGNORECASE)


def promotes(step: FlatStep) -> bool:
    """Whether the step makes a standby writable: said by its role, else read from its id or its playbook's name."""
    if step.step.role is not None:
        return step.step.role == "promote"
    if not step.step.is_changing or step.book.runbook.purpose == "restore":
        return False
    playbook = step.step.ansible.playbook if step.step.ansible else ""
    stem = playbook.rpartition("/")[2].partition(".")[0]
    return bool(_PROMOTES.search(step.step.id) or _PROMOTES.search(stem))


def fences(step: FlatStep) -> bool:
    """Whether the step keeps the old primary from writing: role, id, or a playbook below fence/."""
    if step.step.role is not None:
        return step.step.role == "fence"
    playbook = step.step.ansible.playbook if step.step.ansible else ""
    return bool(_FENCES.search(step.step.id)) or playbook.startswith("fence/")


def promote_waits_for_a_verified_fence(whole: Whole) -> Iterator[Problem]:
    """Every promoting step depends, directly or through others, on a fence with a verify of its own."""
    for step in whole.steps:
        if not promotes(step):
            continue
        fencing = [whole.by_id[name] for name in whole.before.of(step.id) if fences(whole.by_id[name])]
        if not fencing:
            others = [other.id for other in whole.steps if fences(other)]
            mend = f"add {others[0]} to needs" if others else "add a fence step with verify, and need it here"
            yield step.problem(f"{step.id!r} promotes, but does not depend on a verified fence", mend)
        elif not any(fence.step.verify for fence in fencing):
            for fence in fencing:
                message = f"the fence {fence.id!r} is not verified, and {step.id!r} promotes after it"
                mend = "add verify: a probe that shows that the old primary cannot write, e.g. its port closed"
                yield fence.problem(message, mend)
        for fence in fencing:
            if fence.step.when is not None and fence.step.when != step.step.when:
                message = f"the fence {fence.id!r} may be left out by when, but {step.id!r} promotes all the same"
                yield fence.problem(message, "take when out, or give both steps the same", "when")


def a_fence_proves_that_it_is_closed(whole: Whole) -> Iterator[Problem]:
    """A TCP probe without expectation holds when the port is open: the opposite of what a fence must show."""
    for step in whole.steps:
        if not fences(step):
            continue
        for number, check in enumerate(step.step.verify):
            wanted = check.expect.get("open") or check.expect.get("output.open")
            if check.probe.tcp is not None and not (isinstance(wanted, Matcher) and wanted.equals is False):
                yield step.problem(
                    "verifies the fence by an open port: the old primary would still be reachable",
                    "add expect: {open: false} to the check",
                    *("verify", number, "probe"),
                )


RULES = (promote_waits_for_a_verified_fence, a_fence_proves_that_it_is_closed)
