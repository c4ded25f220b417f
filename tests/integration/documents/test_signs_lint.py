"""Lint of signs documents: every problem at its line and column, with the mend."""

from __future__ import annotations

import pytest

from orchestrator.documents.lint.signs import lint_signs
from orchestrator.documents.workspace import Workspace

FILE = "signs/primary-lost.yaml"


def problems(workspace: Workspace, *changes: tuple[str, str]) -> list[str]:
    path = workspace.root / FILE
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    found = lint_signs(workspace, workspace.find_signs("primary-lost"), site=None, inventory=None)
    return [str(problem).replace(f"{path}:", "") for problem in found]


def test_the_sample_is_clean(workspace: Workspace) -> None:
    assert problems(workspace) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("{not: primary}", "{not: primry}", "14:35: ", "there is no look 'primry'\n  mend: did you mean 'primary'?"),
        ("[standby,", "[{unseen: nothing},", "14:29: ", "there is no look 'nothing'"),
        ("id: standby", "id: primary", "10:9: ", "the look 'primary' is there twice"),
        ("'old_primary:pg_port'", "'old_primry:pg_port'", "9:18: ", "did you mean 'old_primary'?"),
        ("'old_primary:pg_port'", "'old_primary:pg_prt'", "9:18: ", "pg_prt"),
        ("host: standby", "host: '{{ hosts.x }}'", "12:20: ", "'hosts' is no input"),
        ("takeover.yaml", "takeoverr.yaml", "5:18: ", "there is no runbook"),
        ("{cluster: '{{ system }}'}", "{cluster: 'A B'}", "5:58: ", "does not match"),
        ("{cluster: '{{ system }}'}", "{}", "5:58: ", "input 'cluster' is missing"),
        ("fault_class: shared-component", "fault_class: performance", "5:18: ", "is for shared-component"),
        ("zh: 备机状态", "zh: ''", "11:12: ", "no Chinese text"),
        ("systems: [orders]", "about: host\ngroups: [nobody]", "5:10: ", "no host or group 'nobody'"),
        ("systems: [orders]", "secrets: {bmc: swordfish}", "4:16: ", "the secret bmc is written down"),
    ],
)
def test_a_problem_is_told_where_it_is(workspace: Workspace, old: str, new: str, place: str, says: str) -> None:
    found = problems(workspace, (old, new))
    assert any(one.startswith(place) and says in one for one in found), found


def test_a_secret_does_not_go_where_others_read_it(workspace: Workspace) -> None:
    found = problems(
        workspace,
        ("systems: [orders]", "secrets: {bmc: 'env:BMC'}"),
        ("argv: [pgstate, lag, --json]", "argv: [pgstate, lag, '{{ bmc }}']"),
    )
    assert any("the secret would be seen" in one for one in found), found
    assert not any("written down" in one for one in found)


def test_only_signs_about_hosts_read_a_hosts_variables(workspace: Workspace) -> None:
    change = (
        "host: standby, argv: [pgstate, lag, --json]",
        "host: '{{ target }}', argv: [pgstate, '--db={{ host.db }}']",
    )
    assert any("'host' is no input" in one for one in problems(workspace, change))
    (workspace.root / FILE).write_text((workspace.root / FILE).read_text().replace("systems: [orders]", "about: host"))
    assert problems(workspace) == []
