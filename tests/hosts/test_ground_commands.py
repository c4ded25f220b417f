"""The hosts lab from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk_kit import Desk, furnished
from hosts_kit import place

from orchestrator.lab.sites.lab import SitesLab


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return furnished(tmp_path)


def test_a_lab_is_shown_broken_and_healed(desk: Desk, lab: SitesLab) -> None:
    where = ["--hosts", "--lab", str(lab.directory)]
    up = desk("lab", "up", *where)
    assert up.code == 0, up.err
    assert "whole" in up.out
    assert "10.77.1.11" in up.out
    assert "east-cut" in desk("lab", "break", "--hosts").out
    broken = desk("lab", "break", "host-frozen", "--with", "host=app-w", *where)
    assert broken.code == 0, broken.err
    assert "--onset" in broken.out
    shown = json.loads(desk("lab", "status", "--json", *where).out)
    assert shown["faults"].keys() == {"host-frozen"}
    assert [host["name"] for host in shown["hosts"] if host["power"] == "frozen"] == ["app-w"]
    assert "FROZEN" in desk("lab", "status", *where).out
    assert "healed" in desk("lab", "heal", "host-frozen", *where).out
    assert "was not on" in desk("lab", "heal", "host-frozen", *where).out


def test_exec_runs_in_the_control_hosts_network_and_ends_as_the_program_ends(desk: Desk, lab: SitesLab) -> None:
    where = ["--hosts", "--lab", str(lab.directory)]
    assert "10.77.3.2/24" in desk("lab", "exec", *where, "--", "ip", "-brief", "addr").out
    assert "10.77.3.3/24" in desk("lab", "exec", *where, "--in", "client", "--", "ip", "-brief", "addr").out
    assert desk("lab", "exec", *where, "--", "sh", "-c", "exit 7").code == 7
    assert "holdfast" in desk("lab", "exec", *where, "--", "holdfast", "--version").out
    nowhere = desk("lab", "exec", *where, "--in", "south", "--", "true")
    assert nowhere.code != 0
    assert "no network" in nowhere.err


def test_wrong_words_are_told_with_the_mend(desk: Desk) -> None:
    missing = str(place() / "not-there")
    assert "holdfast lab up --hosts" in desk("lab", "status", "--hosts", "--lab", missing).err
    assert "nothing was there" in desk("lab", "down", "--hosts", "--lab", missing).out
    assert "--hosts" in desk("lab", "exec", "--", "true").err
    assert "--hosts --all" in desk("lab", "down", "--all").err
    assert "host=db-b" in desk("lab", "break", "host-off", "--hosts", "--lab", missing, "--with", "db-b").err
