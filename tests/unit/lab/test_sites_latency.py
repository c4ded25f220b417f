"""When a service counts as slow, as hf-latency judges it on its host: the same as for the observer's orders."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator.lab.sites import tools


@pytest.fixture(scope="module")
def latency() -> ModuleType:
    place = str(Path(tools.__file__).with_name("hf-latency"))
    spec = importlib.util.spec_from_loader("hf_latency", importlib.machinery.SourceFileLoader("hf_latency", place))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begun_at(latency: ModuleType, *requests: tuple[float, bool], now: float) -> float | None:
    """When the first request began since which the service is not slow; each is given as its beginning, and if slow."""
    found = latency.first_fast([(began, "", slow) for began, slow in requests], now)
    return None if found is None else float(found[0])


def test_one_long_request_counts_for_all_its_time_and_not_as_one_among_many(latency: ModuleType) -> None:
    quick = [(round(0.60 + place / 50, 2), False) for place in range(20)]
    assert begun_at(latency, (0.0, True), *quick, now=1.0) is None


def test_it_is_fast_since_the_first_quick_request_after_the_slow_ones(latency: ModuleType) -> None:
    assert begun_at(latency, (-1.0, True), (0.4, False), (0.7, False), now=1.0) == 0.4


def test_a_slow_request_among_quick_ones_is_no_slow_service(latency: ModuleType) -> None:
    assert begun_at(latency, (0.0, False), (0.3, False), (0.5, True), (0.8, False), now=1.0) == 0.0


def test_what_was_before_the_last_second_does_not_count(latency: ModuleType) -> None:
    assert begun_at(latency, (-9.0, True), (0.1, False), now=1.0) == 0.1


def test_a_last_request_that_took_most_of_the_second_makes_it_slow(
    latency: ModuleType,
) -> None:
    assert begun_at(latency, (0.0, False), (0.2, True), now=1.0) is None
