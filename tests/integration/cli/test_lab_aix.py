"""``holdfast lab --aix`` from the command line: it always says that it is a simulation."""

from __future__ import annotations

from desk_kit import Desk


def test_the_simulated_lab_comes_breaks_heals_and_goes(desk: Desk) -> None:
    place = str(desk.root / "aix")
    made = desk("lab", "up", "--aix", "--lab", place)
    assert made.code == 0 and made.out.startswith("SIMULATED AIX lab in ")
    assert "paging-full" in desk("lab", "break", "--aix", "--lab", place).out
    broken = desk("lab", "break", "paging-full", "--aix", "--lab", place)
    assert broken.out.startswith("paging-full on nodea (simulated): since ")
    found = desk("lab", "status", "--aix", "--lab", place, "--json").objects[0]
    assert (found["simulated"], found["paging"]["nodea"], list(found["faults"])) == (True, 94, ["paging-full"])
    assert desk("lab", "heal", "paging-full", "--aix", "--lab", place).out == "paging-full: healed\n"
    assert desk("lab", "heal", "primary-dies", "--aix", "--lab", place).out == "primary-dies: was not on\n"
    assert "15 % used" in desk("lab", "reset", "--aix", "--lab", place).out
    assert desk("lab", "down", "--aix", "--lab", place).out == "the simulated hosts are gone\n"
    assert desk("lab", "down", "--aix", "--lab", place).out == "nothing was there\n"
    gone = desk("lab", "status", "--aix", "--lab", place)
    assert gone.code == 1 and "holdfast lab up --aix" in gone.err


def test_a_fault_nobody_knows_is_named_with_those_there_are(desk: Desk) -> None:
    place = str(desk.root / "aix")
    desk("lab", "up", "--aix", "--lab", place)
    answer = desk("lab", "break", "paging-fall", "--aix", "--lab", place)
    assert answer.code == 1 and "paging-full" in answer.err
