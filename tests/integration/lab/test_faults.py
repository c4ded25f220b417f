"""Faults that really happen, the power switch, and what each of them leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from lab_kit import receipts, wait_until

from orchestrator.errors import LabError
from orchestrator.lab import members, ports, postgres, processes
from orchestrator.lab.lab import Lab


def _switch(lab: Lab, what: str, host: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "orchestrator.lab.power", str(lab.layout.root), what, host]
    return subprocess.run(argv, capture_output=True, text=True, timeout=seconds)


def _order(lab: Lab, seconds: float = 20) -> int:
    request = urllib.request.Request(lab.service_url + "/orders", data=b"{}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_the_moment_of_the_fault_lies_between_the_last_receipt_and_the_first_refusal(lab: Lab) -> None:
    lab.start_client()
    wait_until(lambda: len(receipts(lab)) >= 10)
    before = datetime.now(UTC)
    moment = lab.break_("primary-killed")
    after = datetime.now(UTC)
    assert before <= datetime.fromisoformat(moment.at) <= after
    assert _order(lab) == 503
    # One may have been acknowledged before it, and noted after it.
    last = json.loads(lab.receipts.read_text().splitlines()[-1])["at"]
    assert datetime.fromisoformat(last) <= datetime.fromisoformat(moment.at) + timedelta(seconds=2)


def test_breaking_twice_happens_once_and_keeps_the_first_moment(lab: Lab) -> None:
    first = lab.break_("primary-killed")
    second = lab.break_("primary-killed")
    assert first.changed and not second.changed
    assert second.at == first.at
    assert [effect.what for effect in lab.effects()] == ["break:primary-killed"]


def test_the_fault_tool_prints_the_moment_as_the_onset(lab: Lab) -> None:
    tool = lab.layout.bin("db-a") / "lab-break"
    done = subprocess.run([str(tool), "primary-killed"], capture_output=True, text=True, timeout=60)
    body = json.loads(done.stdout)
    assert body["milestones"] == {"onset": body["at"]}
    assert body["fault"] == "primary-killed"


def test_a_killed_primary_comes_back_when_healed(lab: Lab) -> None:
    lab.break_("primary-killed")
    assert not members.of_host(lab.layout, "db-a")
    assert lab.heal("primary-killed")
    wait_until(lambda: lab.status().ready)
    assert not lab.heal("primary-killed")


def test_a_frozen_primary_takes_connections_and_never_answers(lab: Lab) -> None:
    lab.break_("primary-frozen")
    assert ports.listens(lab.layout.ports["db-a"])
    with pytest.raises(LabError, match="does not answer"):
        postgres.ask(lab.layout, "db-a", "SELECT 1", seconds=1.0)
    assert _order(lab) == 503
    lab.heal("primary-frozen")
    assert postgres.ask(lab.layout, "db-a", "SELECT 1", seconds=20) == "1"


def test_a_redirected_service_does_not_wait_for_a_frozen_database(lab: Lab) -> None:
    from orchestrator.lab import redirect

    lab.break_("primary-frozen")
    postgres.ask(lab.layout, "db-b", "SELECT pg_promote(true, 30)", seconds=40)
    said = redirect.redirect(lab.layout, "127.0.0.1", lab.layout.ports["db-b"], 20)
    assert said == {"database": f"127.0.0.1:{lab.layout.ports['db-b']}", "changed": True, "healthy": True}
    assert _order(lab) == 201


def test_a_frozen_primary_can_be_fenced(lab: Lab) -> None:
    lab.break_("primary-frozen")
    assert json.loads(_switch(lab, "off", "db-a").stdout)["power"] == "off"
    assert not members.of_host(lab.layout, "db-a")


def test_a_primary_that_only_the_service_cannot_reach_still_takes_writes(lab: Lab) -> None:
    lab.break_("primary-unreachable-to-service")
    assert _order(lab) == 503
    assert postgres.ask(lab.layout, "db-a", "CREATE TABLE proof (n int); SELECT 1") == "1"
    lab.heal("primary-unreachable-to-service")
    wait_until(lambda: _order(lab) == 201)


def test_a_standby_that_is_cut_off_falls_behind_and_catches_up(lab: Lab) -> None:
    lab.break_("replication-cut")
    assert _order(lab) == 201
    assert postgres.ask(lab.layout, "db-b", "SELECT count(*) FROM orders") == "0"
    lab.heal("replication-cut")
    postgres.wait_for(lab.layout, "db-b", "SELECT count(*) FROM orders", "1", seconds=60)


def test_a_primary_killed_ahead_of_its_standby_takes_acknowledged_orders_with_it(lab: Lab) -> None:
    lab.start_client()
    wait_until(lambda: len(receipts(lab)) >= 10)
    lab.break_("primary-killed-ahead")
    lab.stop_client()
    there = {int(number) for number in postgres.ask(lab.layout, "db-b", "SELECT number FROM orders").split()}
    assert len(set(receipts(lab)) - there) >= 5
    lab.heal("primary-killed-ahead")
    wait_until(lambda: lab.status().ready)


def test_power_off_takes_all_processes_and_keeps_the_host_off(lab: Lab) -> None:
    before = members.of_host(lab.layout, "db-a")
    first = json.loads(_switch(lab, "off", "db-a").stdout)
    assert first["changed"] is True
    assert not [process for process in before if processes.alive(process)]
    assert not ports.listens(lab.layout.ports["db-a"])
    refused = subprocess.run([str(lab.layout.bin("db-a") / "pg_ctl"), "status"], capture_output=True, text=True)
    assert refused.returncode == 255 and "no power" in refused.stderr
    with pytest.raises(LabError, match="no power"):
        postgres.start(lab.layout, "db-a")
    assert json.loads(_switch(lab, "off", "db-a").stdout)["changed"] is False
    assert [effect.what for effect in lab.effects()] == ["power-off"]


def test_power_on_starts_nothing_by_itself(lab: Lab) -> None:
    _switch(lab, "off", "db-a")
    assert json.loads(_switch(lab, "on", "db-a").stdout)["power"] == "on"
    assert json.loads(_switch(lab, "status", "db-a").stdout)["processes"] == 0
    postgres.start(lab.layout, "db-a")
    wait_until(lambda: lab.status().ready)


def test_power_off_leaves_the_other_hosts_alone(lab: Lab) -> None:
    others = [process for name in ("db-b", "app") for process in members.of_host(lab.layout, name)]
    _switch(lab, "off", "db-a")
    still = [process for process in others if processes.alive(process)]
    # The walreceiver ends with its connection, and the service's psql with its server; the rest does not.
    assert len(still) >= len(others) - 2


def test_a_lying_fence_says_off_and_does_nothing(lab: Lab) -> None:
    lab.break_("fence-lies")
    assert json.loads(_switch(lab, "off", "db-a").stdout)["power"] == "off"
    assert json.loads(_switch(lab, "status", "db-a").stdout)["power"] == "off"
    assert postgres.ask(lab.layout, "db-a", "SELECT 1") == "1"
    lab.heal("fence-lies")
    assert json.loads(_switch(lab, "status", "db-a").stdout)["power"] == "on"


def test_a_hanging_fence_never_answers_and_does_nothing_when_it_is_healed(lab: Lab) -> None:
    lab.break_("fence-hangs")
    argv = [sys.executable, "-m", "orchestrator.lab.power", str(lab.layout.root), "off", "db-a"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as switch:
        wait_until(lambda: any(lab.layout.faults.glob("hanging-*.json")))
        with pytest.raises(subprocess.TimeoutExpired):
            switch.wait(0.5)
        lab.heal("fence-hangs")
        assert switch.wait(30) == 1
    assert postgres.ask(lab.layout, "db-a", "SELECT 1") == "1"


def test_down_ends_a_hanging_fence_too(lab: Lab) -> None:
    lab.break_("fence-hangs")
    argv = [sys.executable, "-m", "orchestrator.lab.power", str(lab.layout.root), "off", "db-a"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as switch:
        wait_until(lambda: any(lab.layout.faults.glob("hanging-*.json")))
        lab.down()
        assert switch.wait(30) != 0


def test_a_process_number_that_was_given_away_again_is_not_signalled() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        real = processes.look(child.pid)
        assert real is not None
        assert not processes.send(processes.Process(real.pid, real.started - 1), 9)
        assert processes.alive(real)
        assert processes.send(real, 9)
        assert processes.wait_gone(real, 10)


def test_the_client_does_not_write_a_receipt_for_what_was_not_acknowledged(lab: Lab) -> None:
    lab.start_client()
    wait_until(lambda: len(receipts(lab)) >= 5)
    lab.break_("primary-killed")
    count = len(receipts(lab))
    deadline = time.monotonic() + 1.0
    wait_until(lambda: time.monotonic() > deadline)
    # One may have been on its way back when the primary died.
    assert len(receipts(lab)) <= count + 1
