"""One writer at all times: what counts as proof of two."""

from __future__ import annotations

from orchestrator.lab.sites.writer_report import SERVICE, Try, report


def took(via: str, number: int, at: float, timeline: int) -> Try:
    return Try(via, number, at, at + 0.01, timeline)


def refused(via: str, number: int, at: float) -> Try:
    return Try(via, number, at, at + 0.01, None, "25006: read only")


def test_a_takeover_has_one_writer_after_the_other() -> None:
    tries = [took("db-a", 1, 1.0, 1), refused("db-b", 1, 1.0), refused("db-a", 2, 2.0), took("db-b", 2, 3.0, 2)]
    found = report(tries, {("db-a", 1), ("db-b", 2)}, {})
    assert found.one_writer
    assert found.lost == ()
    assert [(via, line) for via, line, _, _ in found.spans] == [("db-a", 1), ("db-b", 2)]


def test_a_write_on_the_old_timeline_after_one_on_the_new_is_a_second_writer() -> None:
    tries = [took("db-a", 1, 1.0, 1), took("db-b", 1, 2.0, 2), took("db-a", 2, 3.0, 1)]
    found = report(tries, {("db-a", 1), ("db-b", 1)}, {"db-a": {("db-a", 1), ("db-a", 2)}})
    assert not found.one_writer
    assert "db-a took number 2 on timeline 1" in found.violations[0]
    assert found.lost == (("db-a", 2),)
    assert found.divergent == {"db-a": (("db-a", 2),)}


def test_a_write_that_was_under_way_while_the_other_host_was_promoted_proves_nothing() -> None:
    slow = Try("db-a", 1, 1.0, 2.5, 1)
    found = report(sorted([slow, took("db-b", 1, 2.0, 2)], key=lambda each: each.ended), {("db-a", 1), ("db-b", 1)}, {})
    assert found.one_writer


def test_two_hosts_on_one_timeline_are_two_writers() -> None:
    found = report([took("db-b", 1, 1.0, 2), took("db-w", 1, 1.1, 2)], {("db-b", 1)}, {})
    assert found.violations == ("timeline 2 was written on db-b and db-w",)


def test_the_service_address_is_a_way_and_no_host() -> None:
    found = report([took("db-a", 1, 1.0, 1), took(SERVICE, 1, 1.1, 1)], {("db-a", 1), (SERVICE, 1)}, {})
    assert found.one_writer


def test_back_on_the_first_host_with_a_new_timeline_is_a_failback() -> None:
    tries = [took("db-a", 1, 1.0, 1), took("db-b", 1, 2.0, 2), took("db-a", 2, 3.0, 3)]
    assert report(tries, {("db-a", 1), ("db-b", 1), ("db-a", 2)}, {}).one_writer
