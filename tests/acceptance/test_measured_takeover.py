"""What the program measured against what an observer saw and what the client was told."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from acceptance_kit import CHECKOUT, DEADLINE, Bench, observing, wait_until

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
    file = next((bench.state / "runs").glob("*/markers/acknowledged.jsonl"), None)
    if file is None:
        return set()  # none yet
    return {json.loads(line)["number"] for line in file.read_text().splitlines() if line.endswith("}")}


def _gated_workspace(place: Path, gate: Path) -> Path:
    """The shipped workspace, in which the fault waits for a gate and a standby may be behind for as long as that takes:
    what is lost depends on what was committed, and not on how quick a test is."""
    for name in ("runbooks", "playbooks", "drills"):
        shutil.copytree(CHECKOUT / name, place / name)
    runbook = place / "runbooks/shared-component/postgres-standby-takeover.yaml"
    text = runbook.read_text()
    opened = f"wait: {{until: {{probe: {{command: [test, -e, '{gate}'], target: power_switch}}, every: 100ms}}}}"
    for old, new in (
        ("wait: {for: 2s}\n    timeout: 10s", f"{opened}\n    timeout: 2m"),
        ("output.lag_s: {max: 5}", "output.lag_s: {max: 600}"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    runbook.write_text(text)
    return place


@pytest.mark.timeout(600)
@pytest.mark.parametrize("round_", range(5))
@pytest.mark.parametrize("setup", ["synchronous", "asynchronous"])
def test_the_outage_and_the_losses_are_measured_as_the_client_saw_them(
    bench: Bench, setup: str, round_: int, tmp_path: Path
) -> None:
    bench.lab.reset(synchronous=setup == "synchronous")
    gate = tmp_path / "gate"
    if setup == "asynchronous":
        bench.workspace = _gated_workspace(tmp_path / "workspace", gate)
    wait_until("the client places orders", lambda: len(_receipts(bench)) > 5)
    with observing(bench.lab.service_url) as observer:
        wait_until("the observer's orders are taken", lambda: len(observer.acknowledged) > 5)
        drill = bench.start("run", "orders-takeover", "--inventory", str(bench.lab.inventory), "--json")
        if setup == "asynchronous":
            wait_until("markers are written", lambda: _markers(bench), 120)
            # From here on the standby hears nothing: what is committed now is lost with the primary.
            bench.lab.break_("replication-cut")
            receipts, markers, orders = len(_receipts(bench)), len(_markers(bench)), len(observer.acknowledged)
            wait_until("all of them write what will be lost", lambda: (
                len(_receipts(bench)) > receipts + 5 and len(_markers(bench)) > markers + 5
                and len(observer.acknowledged) > orders + 5
            ))  # fmt: skip
            gate.touch()
        _, err = drill.communicate(timeout=DEADLINE)
        assert drill.returncode in (0, 5), err
        restored = _milestone(bench.record(), "service_restored")
        wait_until("orders are taken again", lambda: observer.took_orders_after(restored))
    record = bench.record()
    onset = _milestone(record, "onset")
    assert restored - onset == pytest.approx(record["measurement"]["rto"]["achieved_s"], abs=0.01)
    least, most = observer.outage(onset)
    assert least - AGREE <= restored - onset <= most + AGREE

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
        assert set(observer.acknowledged) - survived
