"""Work that several threads want at the same moment is done by one of them, for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from orchestrator.journal.together import Together

PATIENCE = 20.0
OTHERS = 5


@dataclass(slots=True, eq=False)
class Wish:
    number: int
    done: bool = False


class Shop:
    """Does what is wanted; the first round waits until it is let go, and may fail then."""

    def __init__(self) -> None:
        self.rounds: list[list[int]] = []
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.fails: Callable[[], None] = lambda: None
        self.together: Together[Wish] = Together(self.work)

    def work(self, wishes: Sequence[Wish]) -> None:
        self.rounds.append([wish.number for wish in wishes])
        if len(self.rounds) == 1:
            self.entered.set()
            assert self.let_go.wait(PATIENCE)
            self.fails()
        for wish in wishes:
            wish.done = True

    def crowd(self, pool: ThreadPoolExecutor) -> tuple[Future[None], list[Future[None]]]:
        """One thread at work, and all the others waiting behind it."""
        first = pool.submit(self.together.do, Wish(0))
        assert self.entered.wait(PATIENCE)
        others = []
        for number in range(1, OTHERS + 1):
            others.append(pool.submit(self.together.do, Wish(number)))
            while len(self.together._turns) < number:
                assert not others[-1].done()
        return first, others


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(OTHERS + 1) as threads:
        yield threads


def test_one_by_itself_is_done_at_once() -> None:
    shop = Shop()
    shop.let_go.set()
    wish = Wish(7)
    shop.together.do(wish)
    assert wish.done
    assert shop.rounds == [[7]]


def test_what_came_while_others_were_served_is_done_in_one_round_in_the_order_it_came(
    pool: ThreadPoolExecutor,
) -> None:
    shop = Shop()
    first, others = shop.crowd(pool)
    shop.let_go.set()
    for answer in (first, *others):
        answer.result(PATIENCE)
    assert shop.rounds == [[0], [1, 2, 3, 4, 5]]


def test_a_round_that_breaks_down_is_its_callers_loss_and_the_others_are_served(pool: ThreadPoolExecutor) -> None:
    shop = Shop()

    def fail() -> None:
        raise KeyboardInterrupt

    shop.fails = fail
    first, others = shop.crowd(pool)
    shop.let_go.set()
    with pytest.raises(KeyboardInterrupt):
        first.result(PATIENCE)
    for answer in others:
        answer.result(PATIENCE)
    assert shop.rounds == [[0], [0, 1, 2, 3, 4, 5]]


def test_after_a_breakdown_with_nobody_waiting_the_next_one_leads_again() -> None:
    shop = Shop()
    shop.let_go.set()

    def fail() -> None:
        raise KeyboardInterrupt

    shop.fails = fail
    with pytest.raises(KeyboardInterrupt):
        shop.together.do(Wish(0))
    wish = Wish(1)
    shop.together.do(wish)
    assert wish.done
    assert shop.rounds == [[0], [0, 1]]
