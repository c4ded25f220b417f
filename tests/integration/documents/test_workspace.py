"""The workspace: documents found by name, nothing outside it, digests that notice every change."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.digests import digests
from orchestrator.documents.workspace import Workspace
from orchestrator.errors import DocumentError, UsageError


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "shared-component/../../x", "", ".", "a\0b"])
def test_a_name_that_leads_out_is_refused_with_the_mend(workspace: Workspace, name: str) -> None:
    for find in (workspace.find_runbook, workspace.find_drill):
        with pytest.raises(UsageError) as caught:
            find(name)
        assert caught.value.mend


def test_a_symbolic_link_out_of_the_workspace_is_refused(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.yaml").write_text("runbook: x\n")
    (workspace.root / "runbooks/link.yaml").symlink_to(outside / "x.yaml")
    (workspace.root / "runbooks/linked").symlink_to(outside)
    for name in ("link.yaml", "link", "linked/x.yaml"):
        with pytest.raises(UsageError, match="symbolic link"):
            workspace.find_runbook(name)


def test_a_runbook_is_found_by_its_own_name_where_that_is_unique(workspace: Workspace) -> None:
    assert workspace.find_runbook("postgres-standby-takeover") == "shared-component/takeover.yaml"
    (workspace.root / "runbooks/copy.yaml").write_text("runbook: postgres-standby-takeover\n")
    with pytest.raises(UsageError, match=r"copy\.yaml, shared-component/takeover\.yaml"):
        workspace.find_runbook("postgres-standby-takeover")


def test_an_unknown_name_is_answered_with_what_is_nearest(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        workspace.find_runbook("shared-component/takeovr")
    assert caught.value.mend == "did you mean 'shared-component/takeover.yaml'?"
    with pytest.raises(UsageError) as caught:
        Workspace(workspace.root / "nowhere").find_runbook("x")
    assert "is this the right directory?" in caught.value.mend


def test_what_there_is_is_listed(workspace: Workspace) -> None:
    assert workspace.runbooks() == ["shared-component/takeover.yaml"]
    assert workspace.drills() == ["takeover-h1.yaml"]
    assert workspace.sites() == ["east"]
    assert workspace.playbooks() == ["fence/power-off.yml", "takeover/promote.yml", "takeover/rebuild-as-standby.yml"]


def test_a_site_is_found_and_an_unknown_one_refused(workspace: Workspace) -> None:
    site = workspace.site()
    assert site is not None and site.name == "east"
    with pytest.raises(UsageError) as caught:
        workspace.site("eats")
    assert caught.value.mend == "did you mean 'east'?"
    with pytest.raises(UsageError, match="no inventory"):
        workspace.site(inventory=Path("no/such/place"))


def parts(workspace: Workspace) -> dict[str, str]:
    return digests(
        workspace, ["shared-component/takeover.yaml"], playbooks=True, inventory=workspace.root / "inventories/east"
    )


def test_digests_are_the_same_until_something_changes(workspace: Workspace) -> None:
    first = parts(workspace)
    assert parts(workspace) == first
    assert parts(Workspace(workspace.root.resolve())) == first
    assert all(len(digest) == 64 for digest in first.values())


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("runbooks/shared-component/takeover.yaml", "runbooks/shared-component/takeover.yaml"),
        ("playbooks/takeover/promote.yml", "playbooks/"),
        ("playbooks/roles/pg/tasks/main.yml", "playbooks/"),
        ("playbooks/roles/pg/files/new.sh", "playbooks/"),
        ("playbooks/.hidden", "playbooks/"),
        ("ansible.cfg", "ansible.cfg"),
        ("inventories/east/hosts.yml", "inventory"),
        ("inventories/east/group_vars/all.yml", "inventory"),
        ("inventories/east/host_vars/db1.yml", "inventory"),
    ],
)
def test_a_change_anywhere_changes_its_part_and_no_other(workspace: Workspace, file: str, part: str) -> None:
    before = parts(workspace)
    path = workspace.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "# changed\n")
    after = parts(workspace)
    assert {name for name in after if after[name] != before.get(name)} == {part}


def test_a_file_that_moves_changes_the_digest(workspace: Workspace) -> None:
    before = parts(workspace)
    (workspace.root / "playbooks/takeover/promote.yml").rename(workspace.root / "playbooks/takeover/promoted.yml")
    assert parts(workspace)["playbooks/"] != before["playbooks/"]


def test_caches_and_the_estate_do_not_count(workspace: Workspace) -> None:
    before = parts(workspace)
    (workspace.root / "playbooks/__pycache__").mkdir()
    (workspace.root / "playbooks/__pycache__/x.pyc").write_bytes(b"x")
    estate = workspace.root / "inventories/east/estate.yaml"
    estate.write_text(estate.read_text() + "# new telephone number\n")
    assert parts(workspace) == before


def test_links_that_lead_out_of_playbooks_are_refused(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.yml").write_text("x")
    link = workspace.root / "playbooks/x.yml"
    link.symlink_to(outside / "x.yml")
    with pytest.raises(DocumentError, match="symbolic link out of the workspace"):
        parts(workspace)
    link.unlink()
    link.symlink_to(outside)
    with pytest.raises(DocumentError, match="symbolic link to a directory"):
        parts(workspace)
    link.unlink()
    link.symlink_to("fence/power-off.yml")
    assert parts(workspace)
