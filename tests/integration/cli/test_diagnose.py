"""``holdfast diagnose`` from the command line, with commands on this machine as looks."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from desk_kit import Desk

ESTATE = """\
estate: here
contacts:
  li: {name: Li, reach: ['tel:1']}
systems:
  orders:
    title: {en: Orders, zh: 订单}
    rto: 10m
    rpo: 1m
    owners: [li]
    host_groups: [here]
    service_level: none
"""

LOST = """\
signs: lost
fault_class: shared-component
title: {en: the host is lost, zh: 主机故障}
start: {runbook: good.yaml, inputs: {cluster: '{{ system }} one'}}
looks:
  - id: alive
    title: {en: The host lives, zh: 主机存活}
    probe: {command: [test, -e, ALIVE], target: here}
  - id: standby
    title: {en: The standby lives, zh: 备机存活}
    probe: {command: [cat, STANDBY], target: here, parse: key_value}
    expect: {output.state: {one_of: [ready, late]}}
recognised: {all: [standby, {not: alive}]}
"""

FULL = """\
signs: full
fault_class: paging-space
title: {en: paging space is full, zh: 交换区已满}
about: host
start: {runbook: good.yaml, inputs: {cluster: '{{ host.cluster_name }}'}}
looks:
  - id: room
    title: {en: There is room, zh: 空间充足}
    fabric: {host: '{{ target }}', argv: [cat, SWAP], parse: swapon}
    expect: {output.used_percent: {max: 70}}
recognised: {not: room}
"""


@pytest.fixture
def ward(desk: Desk) -> Desk:
    """All is well until a test changes one of the three files."""
    words = {"ALIVE": str(desk.root / "alive"), "STANDBY": str(desk.root / "standby"), "SWAP": str(desk.root / "swap")}
    for name, text in (("lost", LOST), ("full", FULL)):
        for word, path in words.items():
            text = text.replace(word, path)
        desk.write(f"signs/{name}.yaml", text)
    desk.write("inventories/here/estate.yaml", ESTATE)
    desk.write("alive", "")
    desk.write("standby", "state=ready\n")
    desk.write("swap", "/dev/sda2 partition 1000 250 -2\n")
    return desk


def test_healthy_is_every_look_taken_and_well(ward: Desk) -> None:
    answer = ward("diagnose", "orders")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("orders: healthy: every look was done, and all is well\n")
    assert "3 looks" in answer.out


def test_a_class_is_named_with_its_evidence_and_the_command_that_helps(ward: Desk) -> None:
    (ward.root / "alive").unlink()
    answer = ward("diagnose", "orders", "--site", "here")
    assert answer.code == 20
    assert answer.out.startswith("orders: shared component (shared-component): the host is lost\n")
    assert "- The host lives (alive): NOT as it should be; rc: wanted 0, got 1" in answer.out
    assert "+ The standby lives (standby): as it should be; output.state=ready" in answer.out
    words = shlex.split(next(line for line in answer.out.splitlines() if line.strip().startswith("holdfast ")))
    assert words[:6] == ["holdfast", "run", "good.yaml", "--mode", "live", "--site"]
    assert words[-2:] == ["--input", "cluster=orders one"]
    started = ward(*words[1:])
    assert started.code == 5, started  # done; without an onset its RTO is unproven
    assert "--mode" in words and "--detected" in words


def test_nothing_is_recorded(ward: Desk) -> None:
    before = sorted(path.name for path in ward.root.iterdir())
    ward("diagnose", "orders")
    assert sorted(path.name for path in ward.root.iterdir()) == before
    assert not ward.state.exists()


def test_what_cannot_be_looked_at_is_never_health_and_no_guess(ward: Desk) -> None:
    (ward.root / "standby").unlink()
    answer = ward("diagnose", "orders")
    assert answer.code == 21
    assert "orders: unclear" in answer.out
    assert "? The standby lives (standby): could not look; exit code 1: cat:" in answer.out
    (ward.root / "alive").unlink()
    answer = ward("diagnose", "orders")
    assert answer.code == 21
    assert "could be told neither way: shared component at orders (lost)" in answer.out
    assert "holdfast run" not in answer.out


def test_something_wrong_that_is_no_fault_class_is_unclear_and_shown(ward: Desk) -> None:
    (ward.root / "standby").write_text("state=broken\n")
    answer = ward("diagnose", "orders")
    assert answer.code == 21
    assert "not as it should be, without being a fault class by itself:\n    - The standby lives" in answer.out


def test_signs_about_hosts_are_looked_for_host_by_host(ward: Desk) -> None:
    (ward.root / "swap").write_text("/dev/sda2 partition 1000 900 -2\n")
    ward.write("inventories/here/hosts.yml", "all: {hosts: {here: {ansible_connection: local}, spare: {}}}\n")
    answer = ward("diagnose", "here", "--json")
    body = answer.objects[0]
    assert (answer.code, body["exit_code"], body["verdict"], body["fault_class"]) == (
        20,
        20,
        "recognised",
        "paging-space",
    )
    assert {(one["signs"], one["about"]) for one in body["findings"]} == {("full", "here"), ("lost", "orders")}
    # The host has no such variable, so a person must give the input.
    full = next(one for one in body["findings"] if one["signs"] == "full")
    assert (full["inputs"], full["missing_inputs"]) == ({"cluster": None}, ["cluster"])
    assert full["evidence"][0]["seen"] == {"output.used_percent": 90.0}
    assert "only a person can give: cluster" in ward("diagnose", "here").out


def test_two_classes_at_once_are_both_named_the_telling_one_first(ward: Desk) -> None:
    (ward.root / "alive").unlink()
    (ward.root / "swap").write_text("/dev/sda2 partition 1000 900 -2\n")
    answer = ward("diagnose", "orders")
    assert answer.code == 20
    assert answer.out.splitlines()[0].startswith("orders: shared component")
    assert "also recognised: paging space at here: paging space is full" in answer.out


def test_chinese_is_spoken_to_whoever_asks_for_it(ward: Desk) -> None:
    (ward.root / "alive").unlink()
    answer = ward("diagnose", "orders", "--lang", "zh")
    assert answer.out.startswith("orders：共享部件（shared-component）：主机故障\n")
    assert "- 主机存活 (alive)：异常" in answer.out
    assert ward("diagnose", "orders", "--lang", "fr").code == 2


def test_a_broken_signs_file_is_told_and_nothing_is_called_healthy(ward: Desk) -> None:
    ward.write("signs/broken.yaml", "signs: broken\nlooks: []\n")
    answer = ward("diagnose", "orders")
    assert answer.code == 21
    assert "cannot be read, and so was not looked for: broken.yaml" in answer.out
    (ward.root / "alive").unlink()
    assert ward("diagnose", "orders").code == 20


def test_signs_for_other_sites_and_systems_are_left_out_and_said(ward: Desk) -> None:
    elsewhere = (ward.root / "signs/lost.yaml").read_text().replace("target: here", "target: nowhere")
    ward.write("signs/elsewhere.yaml", elsewhere.replace("signs: lost", "signs: elsewhere"))
    other = (ward.root / "signs/lost.yaml").read_text().replace("start:", "systems: [billing]\nstart:")
    ward.write("signs/other.yaml", other.replace("signs: lost", "signs: other"))
    answer = ward("diagnose", "orders")
    assert answer.code == 0
    assert "not looked for: elsewhere (this site has no nowhere)" in answer.out
    assert "not looked for: other (not about orders)" in answer.out


def test_without_any_signs_nothing_is_healthy(desk: Desk) -> None:
    answer = desk("diagnose", "here")
    assert answer.code == 21 and "no signs are written for this target" in answer.out


def test_a_target_nobody_knows_is_named_with_what_there_is(ward: Desk) -> None:
    answer = ward("diagnose", "odrers")
    assert answer.code == 2
    assert "'odrers' is no system, host or group of site here" in answer.err and "orders" in answer.err


def test_secrets_in_looks_are_blotted_out_also_when_a_host_says_them(ward: Desk) -> None:
    signs = ward.root / "signs/lost.yaml"
    text = signs.read_text().replace("start:", "secrets: {token: 'env:WARD_TOKEN'}\nstart:")
    told = "fabric: {host: here, argv: [sh, -c, 'echo $T'], env: {T: '{{ token }}'}}\n    expect: {output.stdout: x}"
    signs.write_text(text.replace(f"probe: {{command: [test, -e, {ward.root}/alive], target: here}}", told))
    assert told in signs.read_text()
    for extra in ((), ("--json",)):
        answer = ward("diagnose", "orders", *extra, WARD_TOKEN="s3cr3t-t0k3n")
        assert answer.code == 20, answer
        assert "s3cr3t" not in answer.out + answer.err and "[redacted]" in answer.out
    assert "token" in ward("diagnose", "orders").out  # without it the look cannot be taken, and that is said


def test_lint_names_what_is_wrong_with_signs(ward: Desk) -> None:
    path: Path = ward.root / "signs/lost.yaml"
    assert ward("lint", "signs/lost.yaml").code == 0
    text = path.read_text().replace("{not: alive}", "{not: aliv}").replace("good.yaml", "people.yaml")
    path.write_text(text)
    answer = ward("lint")
    assert answer.code == 2
    assert "there is no look 'aliv'" in answer.out and "did you mean 'alive'?" in answer.out
    assert f"{path}:13:" in answer.out or "lost.yaml:" in answer.out
    assert "people.yaml is for no fault class, these signs are for shared-component" in answer.out


def test_the_answer_for_programs_is_one_object(ward: Desk) -> None:
    answer = ward("diagnose", "orders", "--json")
    body = json.loads(answer.out)
    assert (body["type"], body["target"], body["verdict"], body["command"]) == ("diagnosis", "orders", "healthy", None)
    assert {e["sighting"] for one in body["findings"] for e in one["evidence"]} == {"holds"}
