"""One of two fails, for real: a disk of the database's mirror, a supply, a fan, a network path. Nothing goes down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from control_kit import ControlDesk, desk
from hosts_kit import until

from orchestrator.lab.sites import mirror, observations, observing
from orchestrator.lab.sites.bmc import faults as bmc
from orchestrator.lab.sites.bmc.part import place_of
from orchestrator.lab.sites.lab import SitesLab

AGREE = 0.5
"""Seconds within which the record and the observer must agree."""
BLOCK = 4096


@pytest.fixture
def control(lab: SitesLab, tmp_path: Path) -> Iterator[ControlDesk]:
    """A desk on a fresh lab; afterwards the faults are healed, and the mirror and its loop devices are gone."""
    yield desk(lab, tmp_path)
    lab.heal_all()
    assert not list(lab.host("db-a").disks.glob("*.img"))


def recognises(control: ControlDesk, signs: str, runbook: str) -> None:
    """Diagnose names this class and no other, with evidence and the runbook to start on db-a."""
    body = control.diagnosis()
    assert body["verdict"] == "recognised", body
    (found,) = (one for one in body["findings"] if one["recognised"])
    assert (found["signs"], found["fault_class"]) == (signs, "redundant-component")
    assert found["runbook"] == runbook
    assert found["inputs"] == {"host": "db-a"}
    assert any(look["sighting"] == "falls_short" for look in found["evidence"])


def since(lab: SitesLab, moment: str) -> list[observations.Attempt]:
    """Orders the observer's customers began after a moment; some were acknowledged."""
    onset = datetime.fromisoformat(moment)
    found = [
        one
        for one in observing.attempts(lab.directory)
        if datetime.fromisoformat(one.at) - timedelta(seconds=one.ended - one.began) > onset
    ]
    assert sum(one.ok for one in found) > 5
    return found


def as_customers_had_it(lab: SitesLab, control: ControlDesk) -> None:
    """RTO and RPO of the record are the observer's, who saw no outage and no lost order; both clocks are there."""
    measured = control.record()["measurement"]
    onset = control.output("break")["at"]
    outages = observations.outages(since(lab, onset))
    assert outages == [], "the service was never down"
    assert (measured["rto"]["verdict"], measured["rto"]["reason"]["code"]) == ("met", "never_down"), measured["rto"]
    assert measured["rto"]["achieved_s"] == pytest.approx(0.0, abs=AGREE)

    lost = control.output("measure")
    assert lost["lost_transactions"] == lost["receipts"]["lost_transactions"] == 0
    assert observing.lost_orders(lab, "db-a") == []
    assert measured["rpo"]["verdict"] == "met"

    names = [moment["name"] for moment in measured["milestones"]]
    wanted = ["onset", "detected", "service_restored", "resolved"]
    assert [name for name in names if name in wanted] == wanted


def ended_on_its_way(control: ControlDesk) -> None:
    """The newest run, ended before it had brought redundancy back: the service was never down, and no order is lost."""
    measured = control.record()["measurement"]
    assert (measured["rto"]["verdict"], measured["rto"]["achieved_s"]) == ("met", 0.0), measured["rto"]
    assert measured["rto"]["basis"] == "receipts"
    assert (measured["rpo"]["verdict"], measured["rpo"]["achieved_s"]) == ("met", 0.0), measured["rpo"]
    assert control.output("measure")["receipts"]["lost_transactions"] == 0


def given_up(control: ControlDesk) -> None:
    """The newest run is ended where it is."""
    answer = control.holdfast("abort", "last", "--why", "somebody sees to the host first", "--resume")
    assert answer.code == 3, answer.out + answer.err


def stopped(control: ControlDesk, step: str, said: str, *, untouched: tuple[str, ...]) -> None:
    """The newest run stopped at a step before others were begun, and its record tells a person what to do."""
    statuses = control.statuses()
    assert statuses[step] == "failed"
    assert {statuses[name] for name in untouched} == {"pending"}
    (asked,) = (one for one in control.record()["to_do"] if one["step"] == step)
    told = " ".join(" ".join(asked["details"]).split())
    assert said in told, told


def counters(lab: SitesLab) -> dict[str, int]:
    """Errors of each member of the mirror, as the kernel counts them."""
    found: dict[str, int] = {}
    for line in lab.host("db-a").run(["btrfs", "device", "stats", mirror.MOUNT]).stdout.splitlines():
        name, count = line.split()
        device = name.partition("]")[0].lstrip("[")
        found[device] = found.get(device, 0) + int(count)
    return found


def damage(image: Path, text: bytes) -> None:
    """Write zeros over the one place in a disk where the text begins."""
    with image.open("r+b") as disk:
        for place in range(0, image.stat().st_size, 2**20):
            disk.seek(place)
            if (found := disk.read(2**20).find(text)) >= 0:
                disk.seek(place + found)
                disk.write(bytes(BLOCK))
                return
    raise AssertionError("the text is nowhere on the disk")


def test_a_dead_disk_is_isolated_and_the_mirror_rebuilt_while_orders_go_on(lab: SitesLab, control: ControlDesk) -> None:
    answer = control.runs("disk-fails")
    assert answer.code == 0, answer.out + answer.err

    found = control.output("identify")
    assert (found["failed"], found["sound"], found["spare"]) == ("/dev/sdc", "/dev/sdb", "/dev/sdd")
    assert int(found["failed_errors"]) > 0
    assert counters(lab) == {"/dev/sdb": 0, "/dev/sdd": 0}, "the spare is a member now, and nobody counts errors"
    assert "no errors found" in control.output("scrub")["stdout"]
    before, after = control.output("data-before"), control.output("data-after")
    assert before == after
    assert before["newest"] > 0
    as_customers_had_it(lab, control)

    host = lab.host("db-a")
    host.power_off()
    host.power_on()
    assert set(counters(lab)) == {"/dev/sdb", "/dev/sdd"}, "the host finds its mirror again"


def test_with_no_spare_or_errors_on_both_legs_nothing_is_isolated(lab: SitesLab, control: ControlDesk) -> None:
    host = lab.host("db-a")
    lab.break_("database-on-mirror", spare="no")
    text = "what-only-this-disk-has-twice " * 400
    host.run(["tee", f"{mirror.MOUNT}/cold"], input=text)
    host.run(["sync", "--file-system", mirror.MOUNT])
    onset = lab.break_("disk-member-fails").at
    recognises(control, "disk-member", "redundant-component/disk-member.yaml")

    live = ("--input", "host=db-a", "--onset", "now")
    assert control.runs("disk-member", *live, mode="live").code == 4
    assert control.statuses()["serves"] == "succeeded"
    stopped(control, "spare", "name it in mirror_spares", untouched=("isolate", "replace"))
    assert control.holdfast("rollback", "last", "--why", "a spare is ordered", "--resume").code == 3
    ended_on_its_way(control)

    damage(mirror.image(lab, host, "sdb"), text.encode()[:BLOCK])
    assert control.runs("disk-member", *live, mode="live").code == 4
    stopped(control, "other-leg", "has errors too", untouched=("isolate", "replace"))
    assert set(counters(lab)) == {"/dev/sdb", "/dev/sdc"}
    given_up(control)
    ended_on_its_way(control)
    assert observations.outages(since(lab, onset)) == []
    assert observing.lost_orders(lab, "db-a") == []


def test_a_supply_and_a_fan_are_named_with_their_twins_and_replaced(lab: SitesLab, control: ControlDesk) -> None:
    assert control.diagnosis()["verdict"] == "healthy"
    for drill, part in (("power-supply-fails", "psu-2"), ("fan-fails", "fan-2")):
        answer = control.runs(drill)
        assert answer.code == 0, answer.out + answer.err
        found = control.output("identify")
        assert found["part"] == part
        assert part not in found["twins"]
        assert found["twins"]
        assert bmc.active(place_of(lab), "db-a") == {}
        as_customers_had_it(lab, control)

    for fault in ("fan-critical", "psu-critical"):
        lab.break_(fault)
        recognises(control, "hardware-part", "redundant-component/power-or-fan.yaml")
        lab.heal(fault)


def test_a_person_changes_a_supply_and_neither_a_bad_new_one_nor_two_bad_ones_pass_for_redundancy(
    lab: SitesLab, control: ControlDesk
) -> None:
    live = ("power-or-fan", "--input", "host=db-a", "--onset", "now")
    onset = lab.break_("psu-critical").at
    waiting = control.runs(*live, "--no-wait", mode="live")
    assert waiting.code == 6, waiting.out + waiting.err
    assert control.statuses()["part"] == "waiting"
    fitted = control.holdfast("mark-done", "last", "part", "--why", "fitted", "--resume", HOLDFAST_BY="li-wei")
    assert fitted.code == 4, fitted.out + fitted.err
    stopped(control, "redundant", "psu-2 is not well after psu-2 was replaced", untouched=("measure",))

    lab.heal("psu-critical")
    done = control.holdfast("retry", "last", "redundant", "--why", "another new one is in", "--resume")
    assert done.code == 0, done.out + done.err
    measured = control.record()["measurement"]
    assert (measured["rto"]["achieved_s"], measured["rto"]["basis"]) == (0.0, "receipts"), measured["rto"]
    assert (measured["rpo"]["verdict"], measured["rpo"]["achieved_s"]) == ("met", 0.0)

    for part in ("psu-1", "psu-2"):
        bmc.set_health(place_of(lab), "db-a", part, "Critical")
    assert control.runs(*live, mode="live").code == 4
    stopped(control, "identify", "sound twins: none", untouched=("part", "redundant"))
    given_up(control)
    ended_on_its_way(control)
    assert observations.outages(since(lab, onset)) == []
    assert observing.lost_orders(lab, "db-a") == []
    bmc.heal(place_of(lab), "db-a")


def test_a_lost_network_path_is_taken_out_and_comes_back_with_its_routes(lab: SitesLab, control: ControlDesk) -> None:
    host = lab.host("db-a")
    routes = sorted(host.run(["ip", "-4", "route", "show"]).stdout.splitlines())
    answer = control.runs("path-fails")
    assert answer.code == 0, answer.out + answer.err
    assert (control.output("identify")["lost"], control.output("identify")["carries"]) == ("eth0", "eth1")
    assert sorted(host.run(["ip", "-4", "route", "show"]).stdout.splitlines()) == routes
    as_customers_had_it(lab, control)

    lab.break_("path-lost")
    recognises(control, "network-path", "redundant-component/network-path.yaml")
    onset = datetime.now(UTC).isoformat()
    lab.cut("db-a-eth1")
    answer = control.runs("network-path", "--input", "host=db-a", "--onset", onset, mode="live")
    assert answer.code == 4, answer.out + answer.err
    stopped(control, "reached", "take the service over where the host is lost", untouched=("watch", "isolate"))
    lab.mend("db-a-eth1")
    lab.heal("path-lost")
    assert sorted(host.run(["ip", "-4", "route", "show"]).stdout.splitlines()) == routes, "nothing was taken out"
    now = observing.attempts(lab.directory)[-1].ended
    until(lambda: sum(one.ok and one.began > now for one in observing.attempts(lab.directory)) > 5, "orders go on")
    given_up(control)
    outage = max(observations.outages(since(lab, onset)), key=lambda each: each.seconds or 0.0)
    measured = control.record()["measurement"]
    assert measured["rto"]["reason"]["code"] == "commits_again", measured["rto"]
    assert measured["rto"]["achieved_s"] == pytest.approx(outage.seconds, abs=AGREE)
    assert (measured["rpo"]["verdict"], measured["rpo"]["achieved_s"]) == ("met", 0.0), measured["rpo"]
    assert observing.lost_orders(lab, "db-a") == []
