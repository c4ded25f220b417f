"""Real hosts in namespaces. Root on Debian; where that is not so the tier is skipped, or fails where it is required.

``bare``: hosts and network only, ready in a second. ``lab``: with databases, order service and the rest, fresh for each
test. Both are made once for all tests of a process and put back between tests; two processes have labs of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from executors_kit import missing
from hosts_kit import clear_after_the_dead, interfaces, place, traces, watched_over

from orchestrator.lab.sites import needs
from orchestrator.lab.sites.lab import SitesLab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the whole lab first: they are the long ones, and two workers are to end at about the same time."""
    whole = {item.path for item in items if "lab" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in whole)


@pytest.fixture(scope="session", autouse=True)
def ground() -> Iterator[None]:
    """The machine can carry hosts; labs of killed test processes are cleared first, ours at the end."""
    if found := needs.problems():
        missing("hosts", f"what the hosts lab needs ({'; '.join(found)})")
    clear_after_the_dead()
    before = interfaces()
    with watched_over():
        yield
        shutil.rmtree(place(), ignore_errors=True)
    assert interfaces() == before, "this machine's own network was touched"


def _kept(name: str, *, with_parts: bool) -> Iterator[SitesLab]:
    directory = place() / name
    kept: SitesLab | None = None
    try:
        kept = SitesLab.up(directory, tell=print, with_parts=with_parts)
        yield kept
    finally:
        found = kept or SitesLab(directory)
        found.down(remove=True)
        assert traces(found) == {}


@pytest.fixture(scope="session")
def _bare_kept(ground: None) -> Iterator[SitesLab]:
    yield from _kept("bare", with_parts=False)


@pytest.fixture
def bare(_bare_kept: SitesLab) -> SitesLab:
    """Hosts and network, whole; files that tests left on the hosts are still there, because a reset costs a second."""
    return SitesLab.up(_bare_kept.directory, with_parts=False)


@pytest.fixture(scope="session")
def kept_lab(ground: None) -> Iterator[SitesLab]:
    """The whole lab as the last test left it; for tests that only look."""
    yield from _kept("whole", with_parts=True)


@pytest.fixture
def lab(kept_lab: SitesLab) -> SitesLab:
    """The whole lab, fresh: databases in step, no fault, no order but those of a fresh lab."""
    kept_lab.reset()
    return kept_lab
