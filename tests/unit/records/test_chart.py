"""The chart's geometry."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from example_runs import (  # fmt: skip
    EXAMPLES,
    Writer,
    crashed_and_resumed,
    failed_and_rolled_back,
    missed,
    plan,
    step,
    success,
    tabletop,
)

from orchestrator.model.event import Event
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.records import build
from orchestrator.records.chart import GUTTER, WIDTH, Chart, draw
from orchestrator.records.clockface import Clockface, zone_of
from orchestrator.records.i18n import CHINESE_RECORD, ENGLISH_RECORD, Language
from orchestrator.records.lettering import lanes, shortened, width


def chart(events: list[Event], language: Language = ENGLISH_RECORD) -> Chart:
    drawn = draw(build(events), language, Clockface(zone_of("Asia/Shanghai")))
    assert drawn is not None
    return drawn


@pytest.mark.parametrize("language", [ENGLISH_RECORD, CHINESE_RECORD], ids=["en", "zh"])
@pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)
def test_everything_lies_inside_the_drawing_and_labels_do_not_overlap(
    make: Callable[[], list[Event]], language: Language
) -> None:
    drawn = chart(make(), language)
    for row in drawn.rows:
        for bar in row.bars:
            assert bar.x >= GUTTER and bar.width > 0 and bar.x + bar.width <= WIDTH
        assert not row.note or row.note_x <= WIDTH
    spans = [(post.lane.row, post.lane.text_x, post.lane.text_x + width(post.text, 11)) for post in drawn.posts]
    if drawn.limit_lane:
        lane = drawn.limit_lane
        spans.append((lane.row, lane.text_x, lane.text_x + width(drawn.limit_text, 11)))
    for (row, left, right), (other_row, other_left, other_right) in combinations(spans, 2):
        assert row != other_row or right <= other_left or other_right <= left
    assert all(left >= GUTTER - 5 and right <= WIDTH for _, left, right in spans)


def test_times_run_from_onset_in_local_time_and_utc() -> None:
    drawn = chart(success())
    zero = next(tick for tick in drawn.ticks if tick.offset == "0")
    assert (zero.local, zero.utc) == ("03:00:04", "19:00:04Z")
    assert zero.x == next(post.lane.x for post in drawn.posts if post.name == "onset")
    assert 3 <= len(drawn.ticks) <= 9


def test_an_rto_far_off_does_not_squeeze_the_steps() -> None:
    drawn = chart(success())
    assert drawn.limit_x is None
    assert drawn.limit_text == "RTO limit 5m00s: beyond the chart"


def test_an_rto_that_was_passed_is_a_line() -> None:
    drawn = chart(missed())
    assert drawn.limit_x is not None and GUTTER < drawn.limit_x < WIDTH


def test_standstills_and_what_the_legend_explains() -> None:
    assert [gap.kind for gap in chart(failed_and_rolled_back()).gaps] == ["stop"]
    assert [gap.kind for gap in chart(crashed_and_resumed()).gaps] == ["absent", "absent"]
    assert chart(failed_and_rolled_back()).kinds == ("action", "watch", "verify", "undo", "stop", "budget")
    assert chart(tabletop()).kinds == ("waiting",)


def test_nothing_begun_is_no_chart() -> None:
    events = Writer(plan([step("a")])).events
    assert draw(build(events), ENGLISH_RECORD, Clockface(zone_of("UTC"))) is None


def test_a_group_with_a_failed_step_names_it() -> None:
    steps = [step(f"s{n}", needs=()) for n in range(100)]
    w = Writer(plan(steps))
    for one in steps:
        w.start(one.id).tick(0.1)
        if one.id == "s70":
            w.end(one.id, outcome=Outcome(Ending.FAILED, error="no"))
        else:
            w.end(one.id)
    bad = [row for row in chart(w.events).rows if row.bad]
    assert [(row.mark, row.note) for row in bad] == [("✗", "s70")]


def test_chinese_letters_are_twice_as_wide() -> None:
    assert width("恢复", 10) == 20
    assert shortened("恢复业务恢复业务", 45, 10) == "恢复业…"
    assert shortened("fits", 100, 10) == "fits"


def test_labels_at_the_right_edge_stand_to_the_left_of_their_line() -> None:
    (lane,) = lanes([(990.0, "a long label")], 0, 1000)
    assert lane.text_x + width("a long label", 11) <= 985
