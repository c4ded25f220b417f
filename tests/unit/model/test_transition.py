from __future__ import annotations

import pytest

from orchestrator.errors import ForbiddenMove
from orchestrator.model.transition import BUSY, GOOD, STUCK, TABLE, StepStatus, Trigger, move

PAIRS = [(status, trigger) for status in StepStatus for trigger in Trigger]


@pytest.mark.parametrize(("status", "trigger"), PAIRS, ids=lambda one: str(one))
def test_each_pair_is_in_the_table_or_refused_naming_what_is_possible(status: StepStatus, trigger: Trigger) -> None:
    if (status, trigger) in TABLE:
        assert move("x", status, trigger) is TABLE[(status, trigger)]
        return
    with pytest.raises(ForbiddenMove) as refused:
        move("x", status, trigger)
    possible = sorted(str(other) for other in Trigger if (status, other) in TABLE)
    assert refused.value.message == f"step x is {status}: it can not {trigger}"
    assert refused.value.mend == (f"from {status} it can: {', '.join(possible)}" if possible else f"{status} is final")


def test_the_only_final_state_is_undone() -> None:
    assert {status for status in StepStatus if not any(s is status for s, _ in TABLE)} == {StepStatus.UNDONE}


def test_every_state_can_be_reached_from_pending() -> None:
    reached = {StepStatus.PENDING}
    while True:
        more = {after for (before, _), after in TABLE.items() if before in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(StepStatus)


def test_a_step_comes_to_a_good_end_only_by_success_a_probe_a_person_or_being_left_out() -> None:
    ways = {trigger for (before, trigger), after in TABLE.items() if after in GOOD and before not in GOOD}
    assert ways == {Trigger.SUCCEED, Trigger.MARK_DONE, Trigger.SKIP}


def test_nothing_leads_from_a_good_end_but_undoing() -> None:
    assert {trigger for (before, trigger) in TABLE if before in GOOD} == {Trigger.UNDO}


def test_every_stuck_state_can_be_freed_by_a_person() -> None:
    for status in STUCK:
        assert (status, Trigger.MARK_DONE) in TABLE
        assert (status, Trigger.RETRY) in TABLE


def test_only_undoing_leads_to_undone() -> None:
    befores = {before for (before, _), after in TABLE.items() if after is StepStatus.UNDONE}
    assert befores == {StepStatus.UNDOING, StepStatus.UNDO_FAILED}


def test_the_groups_do_not_overlap() -> None:
    assert not (GOOD & STUCK or GOOD & BUSY or STUCK & BUSY)
