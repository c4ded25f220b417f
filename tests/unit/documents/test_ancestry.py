"""Who has ended before whom, also among thousands of steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.lint.ancestry import Ancestry


def test_everything_waited_for_directly_or_through_others_has_ended() -> None:
    ancestry = Ancestry({"a": (), "b": ("a",), "c": (), "d": ("b", "c")})
    assert ancestry.of("a") == frozenset()
    assert ancestry.of("d") == {"a", "b", "c"}
    ended = ancestry.ended("b")
    assert "a" in ended and "c" not in ended and "b" not in ended
    assert "b" in ancestry.ended("b", "b")


@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=30))
def test_single_questions_and_the_whole_answer_agree(wanted: list[set[int]]) -> None:
    needs = {str(number): [str(need) for need in some if need < number] for number, some in enumerate(wanted)}
    ancestry = Ancestry(needs)
    for name in needs:
        assert ancestry.of(name) == {other for other in needs if other in ancestry.ended(name)}


def test_the_step_just_before_is_found_at_once_however_long_the_chain() -> None:
    length = 20_000
    ancestry = Ancestry({str(number): (str(number - 1),) if number else () for number in range(length)})
    assert all(str(number - 1) in ancestry.ended(str(number)) for number in range(1, length))
    assert len(ancestry.of(str(length - 1))) == length - 1
