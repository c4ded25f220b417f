"""What the program measured against what an observer saw and what the client was told."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from acceptance_kit import DEADLINE, Bench, observing, wait_until

AGREE = 0.5
"""Seconds within which the measured outage must agree with the observer's."""


def _milestone(record: dict, name: str) -> float:
    moment = next(one for one in record["measurement"]["milestones"] if one["name"] == name)
    return datetime.fromisoformat(moment["at"]).timestamp()


def _measured(bench: Bench) -> dict:
    ended = [e for e in bench.events() if e["kind"] == "step.ended" and e["body"]["step"] == "measure"]
    return ended[-1]["body"]["outcome"]["output"]


def _receipts(bench: Bench) -> set[int]:
    if not bench.lab.receipts.exists():
        return set()  # nothing was acknowledged yet
    return {json.loads(line)["number"] for line in bench.lab.receipts.read_text().splitlines() if line.endswith("}")}


def _markers(bench: Bench) -> set[int]:
    (file,) = (bench.state / "runs").glob("*/markers/acknowledged.jsonl")
    return {json.loads(line)["number"] for line in file.read_text().splitlines() if line.endswith("}")}


@pytest.mark.parametrize("round_", range(5))
@pytest.mark.parametrize("setup", ["synchronous", "asynchronous"])
def test_the_outage_and_the_losses_are_measured_as_the_client_saw_them(bench: Bench, setup: str, round_: int) -> None:
    bench.lab.reset(synchronous=setup == "synchronous")
    wait_until("the client places orders", lambda: len(_receipts(bench)) > 5)
    with observing(bench.lab.service_url) as observer:
        wait_until("the observer's orders are taken", lambda: len(observer.acknowledged) > 5)
        drill = bench.start("run", "orders-takeover", "--inventory", str(bench.lab.inventory), "--json")
        assert drill.stdout is not None
        for line in drill.stdout:
            if '"settle"' in line and '"step.started"' in line:
                break
        if setup == "asynchronous":
            # From here on the standby hears nothing: what is committed now is lost with the primary.
            bench.lab.break_("replication-cut")
        _, err = drill.communicate(timeout=DEADLINE)
        assert drill.returncode in (0, 5), err
        restored = _milestone(bench.record(), "service_restored")
        wait_until("orders are taken again", lambda: observer.acknowledged[-1][2] > restored)
    record = bench.record()
    onset = _milestone(record, "onset")
    assert restored - onset == pytest.approx(record["measurement"]["rto"]["achieved_s"], abs=0.01)
    assert restored - onset == pytest.approx(observer.outage(onset), abs=AGREE)

    bench.lab.stop_client()
    survived = {int(number) for number in bench.query("db-b", "select number from orders")}
    lost_orders = _receipts(bench) - survived
    measured = _measured(bench)
    assert measured["receipts"]["lost_transactions"] == len(lost_orders)
    kept = {int(n) for n in bench.query("db-b", "select number from holdfast_marker")}
    assert measured["lost_transactions"] == len(_markers(bench) - kept)
    if setup == "synchronous":
        assert measured["lost_transactions"] == 0
        assert measured["receipts"]["lost_transactions"] == 0
    else:
        assert measured["lost_transactions"] > 0
        assert measured["receipts"]["lost_transactions"] > 0
        assert {number for number, _, _ in observer.acknowledged} - survived
