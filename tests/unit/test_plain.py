"""A plain dataclass behaves as the standard library's does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from orchestrator import plain

MAKERS: tuple[Callable[..., Any], ...] = (dataclasses.dataclass, plain.dataclass)


def pairs(**words: Any) -> Iterator[Any]:
    """The same class by the standard decorator and by ours."""
    for maker in MAKERS:

        @maker(**words)
        class Point:
            """A point."""

            x: int
            y: int = 2
            tags: list[str] = field(default_factory=list, compare=False)
            secret: str = field(default="s", repr=False)

        yield Point


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_objects_are_made_shown_compared_and_hashed_as_by_the_standard_decorator(*, frozen: bool, slots: bool) -> None:
    standard, ours = pairs(frozen=frozen, slots=slots)
    for words, named in (((1,), {}), ((1, 5), {"tags": ["a"]}), ((), {"x": 3, "secret": "t"})):
        theirs, mine = standard(*words, **named), ours(*words, **named)
        assert dataclasses.asdict(mine) == dataclasses.asdict(theirs)
        assert repr(mine) == repr(theirs)
        assert (mine == ours(*words, **named)) is (theirs == standard(*words, **named)) is True
        assert (mine == ours(99)) is (theirs == standard(99)) is False
        assert mine != theirs
    assert ours.__match_args__ == standard.__match_args__
    assert (ours.__hash__ is None) is (standard.__hash__ is None) is (not frozen)
    assert hasattr(ours(1), "__dict__") is hasattr(standard(1), "__dict__") is (not slots)


def test_a_default_made_by_a_function_is_made_anew_for_each_object() -> None:
    _, ours = pairs(frozen=True, slots=True)
    ours(1).tags.append("mine")
    assert ours(1).tags == []


def test_what_is_compared_is_what_is_hashed() -> None:
    _, ours = pairs(frozen=True, slots=True)
    assert len({ours(1, tags=["a"]), ours(1, tags=["b"]), ours(2)}) == 2


@pytest.mark.parametrize("slots", [True, False])
def test_a_frozen_object_can_be_neither_changed_nor_bared(*, slots: bool) -> None:
    for made in pairs(frozen=True, slots=slots):
        point = made(1)
        with pytest.raises(FrozenInstanceError, match="assign"):
            point.x = 2
        with pytest.raises((FrozenInstanceError, TypeError)):  # with slots the standard one trips over itself here
            point.z = 2
        with pytest.raises(FrozenInstanceError, match="delete"):
            del point.x
        assert point.x == 1


def test_an_object_that_is_not_frozen_can_be_changed() -> None:
    for made in pairs(slots=True):
        point = made(1)
        point.x = 7
        assert point == made(7)
        with pytest.raises(AttributeError):
            point.z = 1


@pytest.mark.parametrize("wrong", [((), {}), ((1, 2, [], "s", 5), {}), ((1,), {"nothing": 1}), ((1,), {"x": 1})])
def test_wrong_arguments_are_told_in_the_same_words_the_first_time_and_later(
    wrong: tuple[tuple[Any, ...], Mapping[str, Any]],
) -> None:
    words, named = wrong
    standard, ours = pairs(frozen=True, slots=True)
    with pytest.raises(TypeError) as theirs:
        standard(*words, **named)
    for _ in range(2):
        with pytest.raises(TypeError) as mine:
            ours(*words, **named)
        assert str(mine.value) == str(theirs.value)


def test_a_changed_copy_is_another_object() -> None:
    _, ours = pairs(frozen=True, slots=True)
    point = ours(1)
    assert dataclasses.replace(point, y=9) == ours(1, 9)
    assert copy.copy(point) == copy.deepcopy(point) == point


@plain.dataclass(frozen=True, slots=True)
class Kept:
    """At the top of a module, as pickling wants it."""

    x: int
    rest: tuple[int, ...] = ()


def test_a_frozen_object_with_slots_is_pickled_and_read_back() -> None:
    assert pickle.loads(pickle.dumps(Kept(1, (2, 3)))) == Kept(1, (2, 3))


def test_classes_are_ordered_where_that_is_asked_for() -> None:
    for maker in MAKERS:

        @maker(frozen=True, slots=True, order=True)
        class Version:
            """Major and minor."""

            major: int
            minor: int = 0

        assert sorted([Version(2), Version(1, 5), Version(1, 2)]) == [Version(1, 2), Version(1, 5), Version(2)]
        assert Version(1) < Version(1, 1) <= Version(1, 1)
        with pytest.raises(TypeError):
            assert Version(1) < (1, 1)


def test_what_a_class_says_itself_is_kept() -> None:
    for maker in MAKERS:

        @maker(frozen=True, slots=True)
        class Own:
            x: int

            def __repr__(self) -> str:
                return "own"

            def __eq__(self, other: object) -> bool:
                return True

            def __hash__(self) -> int:
                return 5

        assert repr(Own(1)) == "own"
        assert Own(1) == Own(2)
        assert hash(Own(1)) == 5


def test_a_class_that_builds_on_another_has_the_fields_of_both() -> None:
    for maker in MAKERS:

        @maker(frozen=True)
        class Base:
            x: int

        @maker(frozen=True)
        class Further(Base):
            y: int = 1

            def __post_init__(self) -> None:
                if self.y < 0:
                    raise ValueError("below zero")

        assert Further(1, 2) == Further(x=1, y=2)
        assert Base(1) != Further(1)
        assert repr(Further(1)).endswith("Further(x=1, y=1)")
        with pytest.raises(ValueError, match="below"):
            Further(1, -1)
        assert Base(4).x == 4


def test_fields_that_must_be_named_cannot_be_given_by_place() -> None:
    for maker in MAKERS:

        @maker(kw_only=True, slots=True)
        class Named:
            x: int = 1
            y: int

        assert Named(y=2).x == 1
        with pytest.raises(TypeError, match="positional"):
            Named(1)


def test_without_comparing_each_object_is_itself() -> None:
    for made in pairs(slots=True, eq=False):
        assert made(1) != made(1)
        assert len({made(1), made(1)}) == 2
