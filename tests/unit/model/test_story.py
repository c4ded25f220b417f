"""What is read from a journal afterwards agrees with what the engine thought while it wrote it."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from unit.engine.test_properties import Story as Drawn
from unit.engine.test_properties import play, stories

from orchestrator.engine.state import RunState
from orchestrator.model.measurement import measure
from orchestrator.model.story import Story
from orchestrator.model.transition import StepStatus

NOT_BEGUN = (StepStatus.PENDING, StepStatus.READY)


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_story_and_engine_agree_on_every_step_after_every_event(drawn: Drawn) -> None:
    events = list(play(drawn).journal.events())
    state = RunState.from_events(events[:1])
    for count, event in enumerate(events, 1):
        if count > 1:
            state.apply(event)
        story = Story(events[:count])
        for name, step in state.steps.items():
            mine = story.steps[name].status
            # Being ready is the engine's plan for the next moment, not something that happened.
            assert mine is step.status or (mine in NOT_BEGUN and step.status in NOT_BEGUN), (name, event)
        assert (story.ended is not None) is bool(state.ended)
    measured = measure(events)
    assert measured.running is not bool(state.ended)
