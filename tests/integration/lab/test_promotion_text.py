"""The promotion's SQL stands in the runbook and, for those who promote by hand, beside the playbooks."""

from __future__ import annotations

from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[3]


def test_the_runbook_promotes_with_the_same_text_as_the_playbook() -> None:
    runbook = yaml.safe_load((CHECKOUT / "runbooks/shared-component/postgres-standby-takeover.yaml").read_text())
    (promote,) = [step for step in runbook["steps"] if step["id"] == "promote"]
    assert promote["fabric"]["stdin"] == (CHECKOUT / "playbooks/takeover/files/promote.sql").read_text()
