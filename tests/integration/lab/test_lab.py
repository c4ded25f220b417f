"""Up, down, reset: what is promised about processes, ports and time."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from lab_kit import receipts, wait_until

from orchestrator.errors import LabError
from orchestrator.lab import members, postgres, processes
from orchestrator.lab.lab import Lab, take_down


def _worked() -> float:
    """Processor seconds of this process and of what it started and saw end."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _get(lab: Lab, path: str) -> dict[str, object]:
    with urllib.request.urlopen(lab.service_url + path, timeout=5) as answer:
        body: dict[str, object] = json.loads(answer.read())
    return body


def test_a_lab_is_up_in_seconds_and_its_service_takes_orders(tmp_path: Path) -> None:
    before = _worked()
    lab = Lab.up(tmp_path / "lab")
    took = _worked() - before
    try:
        status = lab.status()
        assert status.ready, status
        wait_until(lambda: len(receipts(lab)) >= 5)
        assert _get(lab, "/orders/check")["gaps"] == 0
        # Six seconds are promised. Work is counted and not the clock, because other tests run beside this one.
        assert took < 6
    finally:
        lab.down(remove=True)
    assert not (tmp_path / "lab").exists()


def test_up_twice_is_the_same_lab(lab: Lab) -> None:
    before = {process.pid for process in members.of_host(lab.layout, "db-a")}
    again = Lab.up(lab.place)
    assert before & {process.pid for process in members.of_host(again.layout, "db-a")}


def test_down_leaves_nothing_running_and_can_be_done_twice(tmp_path: Path) -> None:
    lab = Lab.up(tmp_path / "lab")
    running = members.of_lab(lab.layout)
    assert len(running) >= 8
    assert lab.down() > 0
    assert not [process for process in running if processes.alive(process)]
    assert lab.leftovers() == []
    assert lab.down() == 0
    assert take_down(tmp_path / "lab", remove=True) == 0
    assert take_down(tmp_path / "lab") == 0


def test_two_labs_side_by_side_share_nothing(lab: Lab, tmp_path: Path) -> None:
    other = Lab.up(tmp_path / "other", client=False)
    try:
        assert not set(lab.layout.ports.values()) & set(other.layout.ports.values())
        lab.break_("primary-killed")
        assert other.status().ready
        other.down()
        assert members.of_host(lab.layout, "db-b")
    finally:
        other.down(remove=True)


def test_a_port_that_is_taken_in_between_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from orchestrator.lab import lab as lab_module
    from orchestrator.lab import ports

    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        first = [[number, *ports.free_ports(3)]]

        def free(count: int, avoid: object = ()) -> list[int]:
            return first.pop() if first else ports.free_ports(count)

        monkeypatch.setattr(lab_module, "free_ports", free)
        lab = Lab.up(tmp_path / "lab", client=False)
        try:
            assert number not in lab.layout.ports.values()
            assert lab.status().ready
        finally:
            lab.down(remove=True)


def test_reset_brings_everything_back_three_times(lab: Lab) -> None:
    for _ in range(3):
        lab.start_client()
        wait_until(lambda: len(receipts(lab)) >= 3)
        for fault in ("backup-corrupted", "replication-cut", "primary-unreachable-to-service", "primary-killed"):
            lab.break_(fault)
        lab.break_("fence-lies")
        lab.reset(client=False)
        status = lab.status()
        assert status.ready, status
        assert status.faults == {}
        assert lab.effects() == []
        assert receipts(lab) == []
        assert _get(lab, "/orders/count") == {"count": 0, "last_number": 0}


def test_reset_can_change_whether_commits_wait_for_the_standby(lab: Lab) -> None:
    query = "SELECT sync_state FROM pg_stat_replication"
    lab.reset(synchronous=True, client=False)
    assert postgres.ask(lab.layout, "db-a", query) == "sync"
    lab.reset(synchronous=False, client=False)
    assert postgres.ask(lab.layout, "db-a", query) == "async"


def test_up_that_was_killed_halfway_is_taken_down_completely(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    script = f"from orchestrator.lab.lab import Lab; Lab.up({str(place)!r})"
    starter = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    try:
        wait_until(lambda: (place / "db-a/data/postmaster.pid").exists())
    finally:
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    lab = Lab.open(place)
    lab.down()
    assert lab.leftovers() == []
    # And the half lab is made whole by the next up.
    lab = Lab.up(place, client=False)
    assert lab.status().ready
    lab.down(remove=True)


def test_a_path_too_deep_for_a_socket_works(tmp_path: Path) -> None:
    place = tmp_path / ("deep-" * 12) / ("deeper-" * 8) / "lab"
    place.parent.mkdir(parents=True)
    lab = Lab.up(place, client=False)
    try:
        assert lab.status().ready
        elsewhere = [Path(path) for path in lab.layout.sockets.values() if not path.startswith(str(lab.layout.root))]
    finally:
        lab.down(remove=True)
    assert not any(path.exists() for path in elsewhere)


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    place = tmp_path / 'it\'s 100% "odd", really' / "lab"
    place.parent.mkdir()
    lab = Lab.up(place, client=False)
    try:
        assert lab.status().ready
    finally:
        lab.down(remove=True)


def test_a_lab_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no lab") as refused:
        Lab.open(tmp_path / "none")
    assert "lab up" in refused.value.mend


def test_a_directory_with_other_things_in_it_is_never_made_a_lab(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LabError, match="holds other things than a lab"):
        Lab.up(tmp_path)
    assert take_down(tmp_path, remove=True) == 0
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_request_that_is_no_order_is_refused_and_nothing_is_committed(lab: Lab) -> None:
    for body in (
        b'{"customer": "x\'); drop table orders; --"}',
        b'{"lines": [-5]}',
        b'{"lines": [true]}',
        b"[1]",
        b"{",
    ):
        request = urllib.request.Request(lab.service_url + "/orders", data=body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        assert refused.value.code == 422
        refused.value.close()
    assert _get(lab, "/orders/count") == {"count": 0, "last_number": 0}
