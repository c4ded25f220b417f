"""The base that all hosts share: whole or not there, and built once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hosts_kit import script, until

from orchestrator.errors import LabError
from orchestrator.lab.sites import base
from orchestrator.lab.sites.lab import SitesLab

_BUILD = """
import os, sys, time
from pathlib import Path
from orchestrator.lab.sites import base

def build(root, recipe, tell):
    with open(sys.argv[1], "a") as seen:
        seen.write("built\\n")
    (root / "half").touch()
    while not Path(sys.argv[2]).exists():
        time.sleep(0.01)
    (root / "whole").touch()

print(base.prepare(build=build))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, so that nothing is there."""
    monkeypatch.setenv("HOLDFAST_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_two_who_need_the_base_at_once_build_it_once(cache: Path, tmp_path: Path) -> None:
    seen, go = tmp_path / "seen", tmp_path / "go"
    builders = [script(_BUILD, str(seen), str(go)) for _ in range(2)]
    until(seen.exists, "somebody building")
    go.touch()
    said = {builder.communicate(timeout=60)[0].strip() for builder in builders}
    assert len(said) == 1
    assert (Path(said.pop()) / "whole").exists()
    assert seen.read_text() == "built\n"


def test_a_base_whose_builder_was_killed_is_not_there_and_the_next_builds_it_anew(cache: Path, tmp_path: Path) -> None:
    seen, go = tmp_path / "seen", tmp_path / "go"
    doomed = script(_BUILD, str(seen), str(go))
    until(lambda: list(cache.glob("*/half")) or list(cache.glob(".*/half")), "half a base")
    doomed.kill()
    doomed.communicate()
    assert base.ready() is None
    go.touch()
    built = script(_BUILD, str(seen), str(go))
    assert (Path(built.communicate(timeout=60)[0].strip()) / "whole").exists()
    assert seen.read_text() == "built\nbuilt\n"
    assert sorted(path.name for path in cache.iterdir()) == sorted([base.prepare().name, "lock"])


def test_a_base_that_could_not_be_built_leaves_nothing(cache: Path) -> None:
    def build(root: Path, recipe: base.Recipe, tell: base.Tell) -> None:
        (root / "half").touch()
        raise LabError("no network")

    with pytest.raises(LabError, match="no network"):
        base.prepare(build=build)
    assert [path.name for path in cache.iterdir()] == ["lock"]


def test_hosts_have_no_keys_of_the_base_and_no_settings_of_this_machine(bare: SitesLab) -> None:
    keys = {host.name: (host.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text() for host in bare.hosts.values()}
    assert len(set(keys.values())) == len(keys)
    shared = base.prepare()
    assert not list(shared.glob("etc/ssh/ssh_host_*"))
    assert (shared / "etc/apt/sources.list").read_text() == ""
    assert (shared / "etc/resolv.conf").read_text() == ""


def test_no_host_can_change_the_base(bare: SitesLab) -> None:
    host = bare.host("db-a")
    before = os.stat(base.prepare() / "etc/motd")
    host.run(["sh", "-c", "echo mine > /etc/motd"])
    assert "mine" not in bare.host("db-b").run(["cat", "/etc/motd"]).stdout
    assert os.stat(base.prepare() / "etc/motd").st_mtime_ns == before.st_mtime_ns
