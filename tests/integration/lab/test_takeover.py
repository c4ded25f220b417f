"""The shipped playbooks against the lab, in the order a person would run them by hand."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from lab_kit import receipts, wait_until

from orchestrator.lab import postgres
from orchestrator.lab.lab import Lab

Play = Callable[..., Any]


def _what(lab: Lab) -> Counter[str]:
    return Counter(effect.what for effect in lab.effects())


def _survivors(lab: Lab) -> set[int]:
    return {int(number) for number in postgres.ask(lab.layout, "db-b", "SELECT number FROM orders").split()}


def _states(lab: Lab) -> dict[str, str]:
    """How the hosts stand that take part in a takeover."""
    states = {host.name: host.state for host in lab.status().hosts}
    return {name: states[name] for name in ("db-a", "db-b", "app")}


def _take_over(play: Play) -> None:
    for playbook, limit in (
        ("fence/power-off.yml", "old_primary"),
        ("takeover/promote.yml", "standby"),
        ("takeover/redirect-service.yml", "service"),
    ):
        played = play(playbook, limit)
        assert played.rc == 0, played.text


def test_a_synchronous_takeover_loses_nothing_and_each_effect_happens_once(lab: Lab, play: Play) -> None:
    lab.reset(synchronous=True)
    wait_until(lambda: len(receipts(lab)) >= 20)
    lab.break_("primary-killed")
    _take_over(play)
    before = len(receipts(lab))
    # The trap: the promoted standby inherited the wish to wait for a standby. Orders would hang.
    wait_until(lambda: len(receipts(lab)) >= before + 10)
    lab.stop_client()
    assert set(receipts(lab)) <= _survivors(lab)

    again = play("takeover/promote.yml", "standby")
    assert again.rc == 0 and again.changed == 0 and again.stats["promoted"] is False, again.text
    assert play("fence/power-off.yml", "old_primary").changed == 0
    assert play("takeover/redirect-service.yml", "service").changed == 0
    assert _what(lab) == {"break:primary-killed": 1, "power-off": 1, "promote": 1, "redirect": 1}


def test_an_asynchronous_takeover_loses_exactly_what_the_standby_never_got(lab: Lab, play: Play) -> None:
    lab.start_client()
    wait_until(lambda: len(receipts(lab)) >= 20)
    lab.break_("replication-cut")
    cut = len(receipts(lab))
    wait_until(lambda: len(receipts(lab)) >= cut + 20)
    lab.break_("primary-killed")
    _take_over(play)
    before = len(receipts(lab))
    wait_until(lambda: len(receipts(lab)) >= before + 5)
    lab.stop_client()
    promised, there = set(receipts(lab)), _survivors(lab)
    lost = promised - there
    # What was acknowledged before the cut had arrived, or nearly; what came after it is lost, in one piece.
    assert len(lost) >= 20
    assert lost == set(range(min(lost), max(lost) + 1))
    # Numbers are not given out again, so a lost order can never be taken for another one that has its number.
    assert max(there) > 1_000_000
    with urllib.request.urlopen(lab.service_url + "/orders/check", timeout=10) as answer:
        found = json.loads(answer.read())
    assert (found["gaps"], found["unbalanced_orders"], found["ledger_difference_cents"]) == (0, 0, 0)


def test_the_old_primary_becomes_the_new_standby(lab: Lab, play: Play) -> None:
    lab.break_("primary-killed")
    _take_over(play)
    rebuilt = play("takeover/rebuild-as-standby.yml", "old_primary")
    assert rebuilt.rc == 0, rebuilt.text
    assert rebuilt.stats == {"rebuilt": "db-a", "follows": "db-b", "method": "rewind"}
    wait_until(lambda: _states(lab) == {"db-a": "standby, streaming", "db-b": "primary", "app": "takes orders"})


def test_a_host_that_cannot_be_rewound_is_copied_afresh(lab: Lab, play: Play) -> None:
    lab.break_("primary-killed")
    _take_over(play)
    # Without its control file there is nothing to rewind.
    (lab.layout.data("db-a") / "global/pg_control").unlink()
    rebuilt = play("takeover/rebuild-as-standby.yml", "old_primary")
    assert rebuilt.rc == 0, rebuilt.text
    assert rebuilt.stats["method"] == "copy"
    wait_until(lambda: _states(lab)["db-a"] == "standby, streaming")


def test_a_takeover_is_rolled_back_to_health(lab: Lab, play: Play) -> None:
    lab.break_("primary-killed")
    _take_over(play)
    undone = play(
        "takeover/redirect-service.yml", "service", redirect_to="old_primary", redirect_args=["--seconds", "0"]
    )
    assert undone.rc == 0, undone.text
    undone = play("takeover/rebuild-as-standby.yml", "standby", rebuild_from="old_primary")
    assert undone.rc == 0, undone.text
    wait_until(lambda: lab.status().ready)


def test_rebuilding_more_than_one_host_at_once_is_refused(lab: Lab, play: Play) -> None:
    played = play("takeover/rebuild-as-standby.yml", "old_primary,standby")
    assert played.rc != 0
    assert "name the one host" in played.text
    assert lab.status().ready


def test_a_backup_is_taken_verified_restored_and_asked(lab: Lab, play: Play) -> None:
    lab.start_client()
    wait_until(lambda: len(receipts(lab)) >= 20)
    taken = play("restore/backup.yml", "repository")
    assert taken.rc == 0 and taken.stats["taken_from"] == "db-a", taken.text
    verified = play("restore/verify-backup.yml", "repository")
    assert verified.stats["backup"] == taken.stats["backup"]
    assert verified.stats["verified"] is True and verified.stats["backups"] == 2
    for _ in range(2):  # a second time: the first copy makes way
        restored = play("restore/restore-backup.yml", "restore_target")
        assert restored.rc == 0, restored.text
        assert restored.stats["backup"] == taken.stats["backup"]
    whole = play("restore/check-integrity.yml", "restore_target")
    assert whole.stats == {"integrity_check": "pg_dump", "page_checksums": True, "intact": True}, whole.text
    asked = play("restore/check-application.yml", "restore_target").stats
    assert asked["orders"] >= 20
    assert (asked["gaps"], asked["unbalanced_orders"], asked["balance_difference_cents"]) == (0, 0, 0)
    assert play("restore/cleanup.yml", "restore_target").stats == {"removed": True}
    assert not lab.layout.data("db-r").exists()
    assert play("restore/cleanup.yml", "restore_target").changed == 0
    assert _what(lab)["restore"] == 2
    assert lab.status().ready


def test_a_corrupted_backup_does_not_pass(lab: Lab, play: Play) -> None:
    lab.break_("backup-corrupted")
    played = play("restore/verify-backup.yml", "repository")
    assert played.rc != 0
    assert "checksum mismatch" in played.text
    lab.heal("backup-corrupted")
    assert play("restore/verify-backup.yml", "repository").rc == 0


def test_a_missing_vault_is_a_failure_and_not_an_empty_success(lab: Lab, play: Play) -> None:
    lab.break_("vault-missing")
    for playbook, limit in (
        ("restore/verify-backup.yml", "repository"),
        ("restore/restore-backup.yml", "restore_target"),
    ):
        assert play(playbook, limit).rc != 0
    lab.heal("vault-missing")
    assert play("restore/verify-backup.yml", "repository").rc == 0


def test_a_database_that_no_restore_test_made_is_not_touched(lab: Lab, play: Play) -> None:
    foreign = lab.layout.data("db-r")
    foreign.mkdir()
    (foreign / "PG_VERSION").write_text("16\n")
    for playbook in ("restore/cleanup.yml", "restore/restore-backup.yml"):
        played = play(playbook, "restore_target")
        assert played.rc != 0
        assert "it is not touched" in played.text
    assert (foreign / "PG_VERSION").exists()


def test_a_fence_that_lies_is_believed_by_the_playbook_and_given_away_by_the_port(lab: Lab, play: Play) -> None:
    lab.break_("fence-lies")
    played = play("fence/power-off.yml", "old_primary")
    assert played.rc == 0, played.text
    assert postgres.ask(lab.layout, "db-a", "SELECT NOT pg_is_in_recovery()") == "t"
    assert _what(lab)["power-off"] == 0
